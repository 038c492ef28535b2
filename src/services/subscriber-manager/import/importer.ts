import type { ByteSource, Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { addConsents, statements } from '../subscribers/consent-store.ts';
import type { Profile } from '../subscribers/subscriber-types.ts';
import type { ErasedKeyOf } from '../suppressions/erased-key.ts';
import { findSuppressedPositions } from '../suppressions/suppression-store.ts';
import { type Candidate, type ImportFault, type ImportFileOptions, type ImportRow, readCandidate, readImportRows } from './import-rows.ts';
import { type ImportedSubscriber, insertImported, type KnownSubscriber, lockKnown, updateImported } from './import-store.ts';

const batchSize = 500;
/** Of the faults, this many are given one by one; all are counted. */
const maxFaults = 100;

/** Where a list comes from and who brought it in. */
export type ImportSource = { readonly source: string; readonly actor: string };

export type ImportResult = {
  readonly created: number;
  readonly updated: number;
  /** Unchanged, or not to be written to: unsubscribed, bounced, complained, suppressed or erased. */
  readonly skipped: number;
  /** Rows with a fault. They changed nothing. */
  readonly faulty: number;
  /** The first 100 faults. */
  readonly faults: readonly ImportFault[];
};

export type Importer = {
  /** Batches commit one by one; run again, a list changes nothing. @throws AppError `csv_invalid`, when nothing was imported */
  importRows(rows: AsyncIterable<ImportRow | ImportFault> | Iterable<ImportRow>, source: ImportSource): Promise<ImportResult>;
  /** CSV, gzip too: a file's path, or what gives its bytes. */
  importCsv(file: ByteSource, source: ImportSource, options?: ImportFileOptions): Promise<ImportResult>;
};

type Dependencies = Pick<ServiceDependencies, 'database' | 'clock'> & {
  readonly erasedKeyOf: ErasedKeyOf;
  readonly defaultLanguage: string;
  readonly countChange: (change: string, count: number) => void;
};

type Counts = { created: number; updated: number; skipped: number };

export function createImporter({ database, clock, erasedKeyOf, defaultLanguage, countChange }: Dependencies): Importer {
  async function writeBatch(tx: Transaction, batch: readonly Candidate[], { source, actor }: ImportSource): Promise<Counts> {
    const at = clock.now();
    const emails = batch.map(({ email }) => email);
    const suppressed = await findSuppressedPositions(tx, emails, emails.map(erasedKeyOf));
    const known = new Map((await lockKnown(tx, emails)).map((row) => [row.position, row]));
    const added: (ImportedSubscriber & { email: string; subscriptionDate: Date })[] = [];
    const changed: ImportedSubscriber[] = [];
    const allowed: string[] = [];
    batch.forEach((candidate, index) => {
      const position = index + 1;
      if (suppressed.has(position)) return;
      const current = known.get(position);
      if (current === undefined) {
        const { email, subscriptionDate = at } = candidate;
        added.push({ ...mergeProfile(candidate, undefined, defaultLanguage), id: clock.newId(), email, subscriptionDate });
      } else if (current.status === 'active' || current.status === 'pending') {
        const next = mergeProfile(candidate, current, defaultLanguage);
        if (current.status === 'active' && isSameProfile(next, current)) return;
        changed.push({ ...next, id: current.id });
        if (current.status === 'pending') allowed.push(current.id);
      }
    });
    const created = added.length === 0 ? [] : await insertImported(tx, added, source, at);
    if (changed.length > 0) await updateImported(tx, changed, at);
    const consents = [...created, ...allowed].map((subscriberId) => ({ id: clock.newId(), subscriberId }));
    if (consents.length > 0) {
      await addConsents(tx, consents, { action: 'imported', statement: statements.imported, at, origin: `${source} by ${actor}` });
    }
    tx.afterCommit(() => countChange('imported', consents.length));
    return { created: created.length, updated: changed.length, skipped: batch.length - created.length - changed.length };
  }

  const importRows: Importer['importRows'] = async (rows, source) => {
    const now = clock.now();
    const counts: Counts = { created: 0, updated: 0, skipped: 0 };
    const faults: ImportFault[] = [];
    let faulty = 0;
    let batch = new Map<string, Candidate>();
    const note = (found: readonly ImportFault[]) => {
      faulty += 1;
      faults.push(...found.slice(0, maxFaults - faults.length));
    };
    const flush = async () => {
      const candidates = [...batch.values()];
      batch = new Map();
      if (candidates.length === 0) return;
      const { created, updated, skipped } = await database.transaction((tx) => writeBatch(tx, candidates, source));
      counts.created += created;
      counts.updated += updated;
      counts.skipped += skipped;
    };
    for await (const row of rows) {
      const read = 'values' in row ? readCandidate(row, now) : [row];
      if ('email' in read) {
        // An address that stands twice is imported twice, one after the other, wherever a batch happens to end.
        const key = read.email.toLowerCase();
        if (batch.size >= batchSize || batch.has(key)) await flush();
        batch.set(key, read);
      } else note(read);
    }
    await flush();
    return { ...counts, faulty, faults };
  };

  return { importRows, importCsv: (file, source, options) => importRows(readImportRows(file, options), source) };
}

/** What the list says wins over what is known; what it leaves open stays; tags are added to those there. */
function mergeProfile(candidate: Candidate, current: KnownSubscriber | undefined, defaultLanguage: string): Profile {
  return {
    name: candidate.name ?? current?.name ?? null,
    country: candidate.country ?? current?.country ?? null,
    language: candidate.language ?? current?.language ?? defaultLanguage,
    timezone: candidate.timezone ?? current?.timezone ?? null,
    tags: [...new Set([...(current?.tags ?? []), ...candidate.tags])],
  };
}

function isSameProfile(left: Profile, right: Profile): boolean {
  return (
    left.name === right.name &&
    left.country === right.country &&
    left.language === right.language &&
    left.timezone === right.timezone &&
    left.tags.length === right.tags.length
  );
}
