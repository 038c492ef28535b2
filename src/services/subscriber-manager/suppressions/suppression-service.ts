import type { Database } from '#platform/database';
import type { Clock } from '#shared/clock';
import { AppError, conflict } from '#shared/errors';
import { type ListFault, readSuppressionList } from './suppression-list.ts';
import {
  addSuppression,
  addSuppressions,
  findSuppression,
  lockSuppressions,
  type NewSuppression,
  removeSuppressions,
  type Suppression,
} from './suppression-store.ts';

export type SuppressionDetails = Pick<NewSuppression, 'reason' | 'note' | 'expiresAt'>;

export type ImportedList = {
  readonly added: number;
  readonly standing: number;
  readonly faulty: number;
  readonly faults: readonly ListFault[];
};
export type RemovalOutcome = 'removed' | 'not_found' | 'kept';

export type SuppressionService = {
  add(address: string, details: SuppressionDetails): Promise<{ readonly suppression: Suppression; readonly isNew: boolean }>;
  /** What stands there already is left as it is. */
  importList(text: string, details: SuppressionDetails): Promise<ImportedList>;
  /** @throws AppError 404; 409 `suppressed_by_complaint` unless it is forced */
  remove(address: string, options: { readonly force: boolean }): Promise<void>;
  /** By address. Those of complaints are kept unless it is forced. */
  removeMany(addresses: readonly string[], options: { readonly force: boolean }): Promise<ReadonlyMap<string, RemovalOutcome>>;
};

const batchSize = 1000;

export function createSuppressionService({ database, clock }: { readonly database: Database; readonly clock: Clock }): SuppressionService {
  async function removeMany(addresses: readonly string[], { force }: { readonly force: boolean }) {
    return database.transaction(async (tx) => {
      const standing = await lockSuppressions(tx, addresses);
      const kept = new Set(standing.filter(({ source }) => source === 'complaint' && !force).map(({ address }) => address));
      const removed = standing.map(({ address }) => address).filter((address) => !kept.has(address));
      await removeSuppressions(tx, removed);
      const outcomes = new Map<string, RemovalOutcome>(addresses.map((address) => [address, 'not_found']));
      for (const address of removed) outcomes.set(address, 'removed');
      for (const address of kept) outcomes.set(address, 'kept');
      return outcomes;
    });
  }

  return {
    removeMany,

    async add(address, details) {
      const at = clock.now();
      const added = await addSuppression(database, { address, ...details, source: 'manual' }, at);
      if (added !== undefined) return { suppression: added, isNew: true };
      // Taken away again at this moment: what was asked for is answered.
      const standing = (await findSuppression(database, address)) ?? { address, ...details, source: 'manual' as const, createdAt: at };
      return { suppression: standing, isNew: false };
    },

    async importList(text, details) {
      const { addresses, faulty, faults } = readSuppressionList(text);
      const all = [...addresses];
      const added = await database.transaction(async (tx) => {
        let count = 0;
        for (let start = 0; start < all.length; start += batchSize) {
          const batch = all.slice(start, start + batchSize);
          count += (await addSuppressions(tx, batch, { ...details, source: 'import' }, clock.now())).size;
        }
        return count;
      });
      return { added, standing: all.length - added, faulty, faults };
    },

    async remove(address, options) {
      const outcome = (await removeMany([address], options)).get(address);
      if (outcome === 'kept') {
        throw conflict('suppressed_by_complaint', 'The person complained about our mail; only `force=true` lifts that.');
      }
      if (outcome !== 'removed') throw new AppError('not_found', 'This address does not stand among the suppressions.', { status: 404 });
    },
  };
}
