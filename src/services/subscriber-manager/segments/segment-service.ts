import type { Database, Queryable, RawBuilder, Transaction } from '#platform/database';
import type { Clock } from '#shared/clock';
import { conflict, notFound } from '#shared/errors';
import { compileRules, type SegmentRules } from './segment-rules.ts';
import {
  audienceStatement,
  countAudience,
  deleteSegment,
  findSegment,
  insertSegment,
  type Segment,
  updateSegment,
} from './segment-store.ts';

export type SegmentService = {
  create(segment: { readonly name: string; readonly rules: SegmentRules }): Promise<Segment>;
  find(id: string): Promise<Segment>;
  change(id: string, change: { readonly name?: string | undefined; readonly rules?: SegmentRules | undefined }): Promise<Segment>;
  remove(id: string): Promise<void>;
  /** How many could be written to now. */
  countAudience(rules: SegmentRules): Promise<number>;
  /** Runs `insertFrom` over a select of the ids that may be written to, as one statement; returns the number of rows inserted. */
  enqueueAudience(
    tx: Transaction,
    request: {
      readonly segmentId?: string | null;
      readonly insertFrom: (audience: RawBuilder<{ id: string }>) => RawBuilder<unknown>;
    },
  ): Promise<number>;
};

const everybody: SegmentRules = { all: [] };

const foreignKeyViolation = '23503';
const uniqueViolation = '23505';
const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code;

const nameTaken = (name: string) => conflict('segment_name_taken', `There is a segment with the name "${name}" already.`);

export function createSegmentService({ database, clock }: { readonly database: Database; readonly clock: Clock }): SegmentService {
  async function findIn(queryable: Queryable, id: string): Promise<Segment> {
    const segment = await findSegment(queryable, id);
    if (segment === undefined) throw notFound('segment', id);
    return segment;
  }

  return {
    find: (id) => findIn(database, id),
    countAudience: (rules) => countAudience(database, compileRules(rules)),

    async create({ name, rules }) {
      compileRules(rules);
      const segment = await insertSegment(database, { id: clock.newId(), name: name.trim(), rules, at: clock.now() });
      if (segment === undefined) throw nameTaken(name.trim());
      return segment;
    },

    async change(id, change) {
      const current = await findIn(database, id);
      const next = { id, name: change.name?.trim() ?? current.name, rules: change.rules ?? current.rules };
      compileRules(next.rules);
      const changed = await updateSegment(database, next, clock.now()).catch((error: unknown) => {
        throw hasCode(error, uniqueViolation) ? nameTaken(next.name) : error;
      });
      if (changed === undefined) throw notFound('segment', id);
      return changed;
    },

    async remove(id) {
      const removed = await deleteSegment(database, id).catch((error: unknown) => {
        throw hasCode(error, foreignKeyViolation) ? conflict('segment_in_use', 'A campaign names this segment; it stays.') : error;
      });
      if (removed === 0) throw notFound('segment', id);
    },

    async enqueueAudience(tx, { segmentId, insertFrom }) {
      const rules = segmentId === undefined || segmentId === null ? everybody : (await findIn(tx, segmentId)).rules;
      return tx.execute('subscribers.enqueue-audience', insertFrom(audienceStatement(compileRules(rules))));
    },
  };
}
