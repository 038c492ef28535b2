import { isDeepStrictEqual } from 'node:util';
import type { Database, Transaction } from '#platform/database';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { compileRule } from './compile-rules.ts';
import { fillRules } from './fill-rules.ts';
import { compileBits } from './rule-facets.ts';
import { partsOf, type Rule, reviveRule } from './rule-types.ts';
import {
  addFacets,
  forgetFacets,
  indexSubscribers,
  lockIndex,
  mustSpread,
  spreadChanges,
  sweepChanges,
  type TrackCondition,
  takeChanges,
} from './segment-index-store.ts';
import { listSegments } from './segment-store.ts';
import { addTrack, countCohorts, fillFromBits, fillFromTable, lockTracks, removeTracks } from './track-store.ts';

export type SegmentIndex = {
  /** Brings the index up to what changed and keeps the saved segments counted. A run that is cut off has done whole steps. */
  refresh(signal?: AbortSignal): Promise<void>;
};

const batchSize = 16_384;
/** The newest ones; the cohorts of others are counted when they are asked for. */
const maxTracks = 50;
const sweepAfter = 10_000;

type Wanted = { readonly segmentId: string; readonly rule: Rule };

const asKept = (rule: Rule): unknown => JSON.parse(JSON.stringify(rule));

export function createSegmentIndex({ database, clock }: { readonly database: Database; readonly clock: Clock }): SegmentIndex {
  /** False when another process is at it. */
  async function inStep(work: (tx: Transaction) => Promise<void>): Promise<boolean> {
    return database.transaction(async (tx) => {
      if (!(await lockIndex(tx))) return false;
      await work(tx);
      return true;
    });
  }

  async function indexNext(tx: Transaction): Promise<number> {
    const { taken, ids } = await takeChanges(tx, batchSize);
    if (ids.length === 0) return taken;
    const tracks = (await lockTracks(tx)).map(
      ({ facet, rules }): TrackCondition => ({ facet, condition: compileRule(reviveRule(rules), undefined) }),
    );
    const missing = await indexSubscribers(tx, ids, tracks);
    if (missing.length > 0) {
      await addFacets(tx, missing);
      await indexSubscribers(tx, ids, tracks);
    }
    return taken;
  }

  /** What readers did moves without a change of theirs: segments that ask for it are counted when they are asked for. */
  async function listWanted(tx: Transaction): Promise<Wanted[]> {
    const wanted: Wanted[] = [];
    for (const { id, rules } of await listSegments(tx, undefined, maxTracks - 1)) {
      try {
        const rule = await fillRules(tx, rules, clock.now(), id);
        if (![...partsOf(rule)].some(({ kind }) => kind === 'engagement')) wanted.push({ segmentId: id, rule });
      } catch (error) {
        // Its rules hold no longer, as of a custom field that is gone; whoever asks for it is told.
        if (!(error instanceof AppError && error.code === 'invalid_request')) throw error;
      }
    }
    return wanted;
  }

  async function track({ segmentId, rule }: Wanted): Promise<void> {
    await inStep(async (tx) => {
      const facet = await addTrack(tx, segmentId, rule, clock.newId());
      const bits = compileBits(rule);
      if (bits === undefined || !(await fillFromBits(tx, facet, bits))) await fillFromTable(tx, facet, compileRule(rule, undefined));
      await countCohorts(tx, facet);
    });
  }

  async function refreshTracks(signal?: AbortSignal): Promise<void> {
    let added: Wanted[] = [];
    await inStep(async (tx) => {
      const wanted = await listWanted(tx);
      const isWanted = ({ segmentId, rules }: { segmentId: string; rules: unknown }) =>
        wanted.some((one) => one.segmentId === segmentId && isDeepStrictEqual(asKept(one.rule), rules));
      const tracks = await lockTracks(tx);
      const kept = tracks.filter(isWanted);
      await removeTracks(
        tx,
        tracks.filter((one) => !kept.includes(one)).map(({ facet }) => facet),
      );
      added = wanted.filter(({ segmentId }) => !kept.some((one) => one.segmentId === segmentId));
    });
    for (const one of added) {
      if (signal?.aborted) return;
      await track(one);
    }
  }

  return {
    async refresh(signal) {
      if (await mustSpread(database)) await inStep(spreadChanges);
      let total = 0;
      for (let taken = 1; taken > 0 && !signal?.aborted; total += taken) {
        taken = 0;
        await inStep(async (tx) => {
          taken = await indexNext(tx);
        });
      }
      if (total > 0) await inStep(forgetFacets);
      await refreshTracks(signal);
      if (total >= sweepAfter) await sweepChanges(database);
    },
  };
}
