import { type Database, type Queryable, type RawBuilder, sql, type Transaction } from '#platform/database';
import type { Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { conflict, invalid, notFound } from '#shared/errors';
import {
  type Audience,
  type AudienceRow,
  audienceStatement,
  type Cohorts,
  readAudience,
  readCohorts,
  readIndexedAudience,
  readTrackedCohorts,
} from './audience-store.ts';
import { compileRule } from './compile-rules.ts';
import { fillRules } from './fill-rules.ts';
import { compileBits } from './rule-facets.ts';
import { type EngagementCondition, partsOf, type Rule, type SegmentRules } from './rule-types.ts';
import { countChanges } from './segment-index-store.ts';
import { indexSubscribersJob } from './segment-jobs.ts';
import {
  deleteSegment,
  findNamingSegments,
  findSegment,
  findSegments,
  insertSegment,
  lockSegments,
  readMemberships,
  type Segment,
  updateSegment,
} from './segment-store.ts';

/** What a segment is used by, and stays for. */
export type SegmentUse = { readonly kind: 'segment' | 'campaign' | 'sequence'; readonly id: string; readonly name: string };
export type FindSegmentUses = (database: Queryable, segmentId: string) => Promise<readonly SegmentUse[]>;

export type SegmentService = {
  create(segment: { readonly name: string; readonly rules: SegmentRules }): Promise<Segment>;
  find(id: string): Promise<Segment>;
  findUses(id: string): Promise<readonly SegmentUse[]>;
  change(id: string, change: { readonly name?: string | undefined; readonly rules?: SegmentRules | undefined }): Promise<Segment>;
  /** @throws AppError 409 `segment_in_use` */
  remove(id: string): Promise<void>;
  /** How many could be written to now, exactly, and some of them. */
  preview(rules: SegmentRules): Promise<Audience>;
  /** By country, language and month of subscription, for those who subscribed on or after the day (UTC) of `since`. */
  countCohorts(id: string, since: Date): Promise<Cohorts>;
  /** Of each of these subscribers, by their id, those of the segments that they belong to; one without any is left out. */
  segmentsOf(database: Queryable, ids: readonly string[], segmentIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Runs `insertFrom` over a select of the ids that may be written to, as one statement; returns the number of rows inserted. */
  enqueueAudience(
    tx: Transaction,
    request: {
      readonly segmentId?: string | null;
      /** Readers who chose topics are among them when one of theirs is named; none named: all readers. */
      readonly topics?: readonly string[];
      /** Of these only, where it is given. */
      readonly ids?: readonly string[];
      readonly insertFrom: (audience: RawBuilder<AudienceRow>) => RawBuilder<unknown>;
    },
  ): Promise<number>;
};

export type SegmentDependencies = {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly clock: Clock;
  /** Absent: rules on what readers opened are refused. */
  readonly engagement?: EngagementCondition | undefined;
  /** What names segments outside of this service. */
  readonly findUses?: FindSegmentUses | undefined;
};

const everybody: SegmentRules = { all: [] };
/** When more has changed since the index was brought up, the table itself is counted: that is quicker then. */
const maxChangesLookedUp = 20_000;

const foreignKeyViolation = '23503';
const uniqueViolation = '23505';
const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code;

const nameTaken = (name: string) => conflict('segment_name_taken', `There is a segment with the name "${name}" already.`);
const inUse = (uses: readonly SegmentUse[]) =>
  conflict(
    'segment_in_use',
    `The segment is used and stays: ${uses.map(({ kind, name }) => `${kind} "${name}"`).join(', ') || 'a campaign names it'}.`,
  );

export function createSegmentService(dependencies: SegmentDependencies): SegmentService {
  const { database, jobs, clock, engagement, findUses = async () => [] } = dependencies;

  async function findIn(queryable: Queryable, id: string): Promise<Segment> {
    const segment = await findSegment(queryable, id);
    if (segment === undefined) throw notFound('segment', id);
    return segment;
  }

  async function read(queryable: Queryable, rules: SegmentRules, ownId?: string): Promise<Rule> {
    const rule = await fillRules(queryable, rules, clock.now(), ownId);
    if (engagement === undefined && [...partsOf(rule)].some(({ kind }) => kind === 'engagement')) {
      throw invalid('The rules are not valid.', [{ path: '/rules', message: 'must not ask what readers opened: nothing here tells' }]);
    }
    return rule;
  }

  const usesIn = async (queryable: Queryable, id: string): Promise<SegmentUse[]> => [
    ...(await findNamingSegments(queryable, id)).map((segment) => ({ kind: 'segment', ...segment }) as const),
    ...(await findUses(queryable, id)),
  ];

  /** Segments in use cannot change into rules that lead back to themselves, and new ones are counted soon. */
  async function inGraph<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return database.transaction(async (tx) => {
      await lockSegments(tx);
      const result = await work(tx);
      await jobs.send(tx, indexSubscribersJob, {}, { singletonKey: 'all' });
      return result;
    });
  }

  return {
    find: (id) => findIn(database, id),
    findUses: (id) => usesIn(database, id),

    create: ({ name, rules }) =>
      inGraph(async (tx) => {
        await read(tx, rules);
        const segment = await insertSegment(tx, { id: clock.newId(), name: name.trim(), rules, at: clock.now() });
        if (segment === undefined) throw nameTaken(name.trim());
        return segment;
      }),

    change: (id, change) =>
      inGraph(async (tx) => {
        const current = await findIn(tx, id);
        const next = { id, name: change.name?.trim() ?? current.name, rules: change.rules ?? current.rules };
        await read(tx, next.rules, id);
        const changed = await updateSegment(tx, next, clock.now()).catch((error: unknown) => {
          throw hasCode(error, uniqueViolation) ? nameTaken(next.name) : error;
        });
        if (changed === undefined) throw notFound('segment', id);
        return changed;
      }),

    remove: (id) =>
      inGraph(async (tx) => {
        const uses = await usesIn(tx, id);
        if (uses.length > 0) throw inUse(uses);
        const removed = await deleteSegment(tx, id).catch((error: unknown) => {
          throw hasCode(error, foreignKeyViolation) ? inUse([]) : error;
        });
        if (removed === 0) throw notFound('segment', id);
      }),

    async preview(rules) {
      const rule = await read(database, rules);
      const condition = compileRule(rule, engagement);
      const bits = compileBits(rule);
      const isShort = bits !== undefined && (await countChanges(database, maxChangesLookedUp + 1)) <= maxChangesLookedUp;
      const indexed = isShort ? await readIndexedAudience(database, bits, condition) : undefined;
      return indexed ?? readAudience(database, condition);
    },

    async countCohorts(id, since) {
      const segment = await findIn(database, id);
      const rule = await read(database, segment.rules, id);
      const condition = compileRule(rule, engagement);
      const isShort = (await countChanges(database, maxChangesLookedUp + 1)) <= maxChangesLookedUp;
      const tracked = isShort ? await readTrackedCohorts(database, { segmentId: id, rule }, condition, since) : undefined;
      return tracked ?? readCohorts(database, condition, since);
    },

    async segmentsOf(queryable, ids, segmentIds) {
      if (ids.length === 0 || segmentIds.length === 0) return new Map();
      const conditions = [];
      for (const { id, rules } of await findSegments(queryable, segmentIds)) {
        conditions.push({ id, condition: compileRule(await read(queryable, rules, id), engagement) });
      }
      const rows = await readMemberships(queryable, ids, conditions);
      return new Map(rows.map(({ id, segments }) => [id, segments]));
    },

    async enqueueAudience(tx, { segmentId, topics = [], ids, insertFrom }) {
      const rules = segmentId === undefined || segmentId === null ? everybody : (await findIn(tx, segmentId)).rules;
      const conditions = [compileRule(await read(tx, rules, segmentId ?? undefined), engagement)];
      if (topics.length > 0) conditions.push(sql<boolean>`(topics = '{}' or topics && ${topics}::text[])`);
      if (ids !== undefined) conditions.push(sql<boolean>`id = any(${ids}::uuid[])`);
      return tx.execute('subscribers.enqueue-audience', insertFrom(audienceStatement(sql<boolean>`(${sql.join(conditions, sql` and `)})`)));
    },
  };
}
