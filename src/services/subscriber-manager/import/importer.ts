import type { ByteSource, Database, Transaction } from '#platform/database';
import type { Clock } from '#shared/clock';
import { createTurn } from '#shared/turn';
import type { CustomFieldDefinition } from '../custom-fields/custom-field-types.ts';
import { addConsents, statements } from '../subscribers/consent-store.ts';
import type { ErasedKeyOf } from '../suppressions/erased-key.ts';
import { findSuppressedPositions } from '../suppressions/suppression-store.ts';
import { readImportRows } from './import-rows.ts';
import { type ImportedSubscriber, insertImported, lockKnown, updateImported } from './import-store.ts';
import type { Candidate, ImportCounts, ImportFault, ImportOptions, ImportRow } from './import-types.ts';
import { isSameProfile, mergeProfile } from './merge-profile.ts';
import { createCandidateReader } from './read-candidate.ts';

const batchSize = 1000;
/** Of rows, faulty ones included: what a run that is killed does again. */
const rowsPerCommit = 5000;

/** Of one transaction: what it wrote, and how many rows of the file it is about. */
export type Progress = { readonly rows: number; readonly counts: ImportCounts; readonly faults: readonly ImportFault[] };

export type ImportRun = {
  readonly options: ImportOptions;
  readonly actor: string;
  readonly topics: ReadonlySet<string>;
  readonly definitions: readonly CustomFieldDefinition[];
  /** Rows that an earlier run has done. */
  readonly skipRows?: number;
  /** Of the unpacked file. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** In the transaction of the rows. What it throws undoes them and ends the run. */
  readonly onProgress: (tx: Transaction, progress: Progress) => Promise<void>;
};

export type ImporterDependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly erasedKeyOf: ErasedKeyOf;
  readonly defaultLanguage: string;
  readonly countChange: (change: string, count: number) => void;
};

type Batch = { candidates: Map<string, Candidate>; faults: ImportFault[]; rows: number; faulty: number };
type Plan = {
  readonly added: (ImportedSubscriber & { readonly email: string; readonly subscriptionDate: Date })[];
  readonly changed: ImportedSubscriber[];
  /** Were pending, and are active by the list owner's word. */
  readonly allowed: string[];
  unchanged: number;
  readonly skipped: Record<string, number>;
};

const emptyBatch = (): Batch => ({ candidates: new Map(), faults: [], rows: 0, faulty: 0 });
const isRow = (row: ImportRow | ImportFault): row is ImportRow => 'values' in row;

/**
 * Takes lists in: rows are read and checked while those before are being written. Batches commit one by one, each with how far
 * the list is. Whoever left, bounced, complained, is suppressed or was erased is never brought back.
 */
export function createImporter({ database, clock, erasedKeyOf, defaultLanguage, countChange }: ImporterDependencies) {
  async function plan(tx: Transaction, batch: readonly Candidate[], { mode, tags }: ImportOptions): Promise<Plan> {
    const at = clock.now();
    const emails = batch.map(({ email }) => email);
    const suppressed = await findSuppressedPositions(tx, emails, emails.map(erasedKeyOf));
    const known = new Map((await lockKnown(tx, emails)).map((row) => [row.position, row]));
    const result: Plan = { added: [], changed: [], allowed: [], unchanged: 0, skipped: {} };
    const skip = (reason: string) => {
      result.skipped[reason] = (result.skipped[reason] ?? 0) + 1;
    };
    for (const [index, candidate] of batch.entries()) {
      const current = known.get(index + 1);
      if (suppressed.has(index + 1)) skip('suppressed');
      else if (current === undefined) {
        const profile = mergeProfile(candidate, undefined, { mode, defaultLanguage, tags });
        result.added.push({ ...profile, id: clock.newId(), email: candidate.email, subscriptionDate: candidate.subscriptionDate ?? at });
      } else if (current.status !== 'active' && current.status !== 'pending') skip(current.status);
      else if (mode === 'skip') skip('known');
      else {
        const next = mergeProfile(candidate, current, { mode, defaultLanguage, tags });
        if (current.status === 'active' && isSameProfile(next, current)) result.unchanged += 1;
        else result.changed.push({ ...next, id: current.id });
        if (current.status === 'pending') result.allowed.push(current.id);
      }
    }
    return result;
  }

  async function write(
    tx: Transaction,
    candidates: readonly Candidate[],
    { options, actor }: ImportRun,
  ): Promise<Omit<ImportCounts, 'faulty'>> {
    if (candidates.length === 0) return { created: 0, updated: 0, unchanged: 0, skipped: {} };
    const { added, changed, allowed, unchanged, skipped } = await plan(tx, candidates, options);
    if (options.isDryRun) return { created: added.length, updated: changed.length, unchanged, skipped };
    const at = clock.now();
    const created = added.length === 0 ? [] : await insertImported(tx, added, options.source, at);
    if (changed.length > 0) await updateImported(tx, changed, at);
    const consents = [...created, ...allowed].map((subscriberId) => ({ id: clock.newId(), subscriberId }));
    if (consents.length > 0) {
      await addConsents(tx, consents, { action: 'imported', statement: statements.imported, at, origin: `${options.source} by ${actor}` });
    }
    tx.afterCommit(() => countChange('imported', consents.length));
    // An address that somebody else took at this moment stands there now.
    return { created: created.length, updated: changed.length, unchanged: unchanged + added.length - created.length, skipped };
  }

  async function commit(batch: Batch, run: ImportRun): Promise<void> {
    await database.transaction(async (tx) => {
      const counts = await write(tx, [...batch.candidates.values()], run);
      await run.onProgress(tx, { rows: batch.rows, counts: { ...counts, faulty: batch.faulty }, faults: batch.faults });
    });
  }

  function add(batch: Batch, read: Candidate | readonly ImportFault[]): void {
    batch.rows += 1;
    if ('email' in read) batch.candidates.set(read.email.toLowerCase(), read);
    else {
      batch.faulty += 1;
      batch.faults.push(...read);
    }
  }

  /** @throws AppError as `readImportRows` does; what was committed before stays */
  async function importRows(rows: AsyncIterable<readonly (ImportRow | ImportFault)[]>, run: ImportRun): Promise<void> {
    const { options, topics, definitions, signal } = run;
    const readCandidate = createCandidateReader({ now: clock.now(), topics, definitions, import: options });
    const turn = createTurn();
    let toSkip = run.skipRows ?? 0;
    let batch = emptyBatch();
    let writing: Promise<void> = Promise.resolve();
    const flush = async () => {
      const full = batch;
      batch = emptyBatch();
      await writing;
      writing = commit(full, run);
      // It is waited for before the next one; that it failed meanwhile is not unheard of.
      writing.catch(() => undefined);
    };
    for await (const chunk of rows) {
      signal?.throwIfAborted();
      if (toSkip >= chunk.length) {
        toSkip -= chunk.length;
        continue;
      }
      for (const row of toSkip > 0 ? chunk.slice(toSkip) : chunk) {
        if (turn.isOver()) await turn.next();
        const read = isRow(row) ? readCandidate(row) : [row];
        // An address that stands twice is imported twice, one after the other, wherever a batch happens to end.
        if ('email' in read && batch.candidates.has(read.email.toLowerCase())) await flush();
        add(batch, read);
        if (batch.candidates.size >= batchSize || batch.rows >= rowsPerCommit) await flush();
      }
      toSkip = 0;
    }
    if (batch.rows > 0) await flush();
    await writing;
  }

  return {
    importRows,
    importFile: (file: ByteSource, run: ImportRun): Promise<void> => {
      const { options, definitions, maxBytes, signal } = run;
      const customFields = new Set(definitions.map(({ name }) => name));
      return importRows(readImportRows(file, { ...options, customFields, ...(maxBytes && { maxBytes }), ...(signal && { signal }) }), run);
    },
  };
}
