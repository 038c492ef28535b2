import type { Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { invalid } from '#shared/errors';
import { addSuppressions } from '../suppressions/suppression-store.ts';
import { maxTags, readEmail, readTags } from './subscriber-fields.ts';
import { type bulkActions, maxBulkItems } from './subscriber-schema.ts';
import type { SubscriberService } from './subscriber-service.ts';
import { lockSubscribers } from './subscriber-store.ts';
import type { Origin, Subscriber } from './subscriber-types.ts';

export type BulkRequest = {
  readonly action: (typeof bulkActions)[number];
  readonly ids: readonly string[];
  readonly emails: readonly string[];
  /** Of `tag` and `untag`. */
  readonly tags: readonly string[];
  /** Of `suppress`. */
  readonly reason: string | undefined;
};

export type BulkItem = {
  /** The id or address as it was given. */
  readonly item: string;
  readonly outcome: 'changed' | 'unchanged' | 'not_found' | 'refused';
  readonly reason: string | null;
};

/** All that can be changed is changed together. @throws AppError 422 when the request as a whole makes no sense */
export type BulkChanges = (request: BulkRequest, origin: Origin) => Promise<readonly BulkItem[]>;

type Dependencies = Pick<ServiceDependencies, 'database' | 'clock'> & {
  readonly subscribers: Pick<SubscriberService, 'writeChange'>;
  readonly unsubscribe: (tx: Transaction, id: string, origin: Origin) => Promise<'unsubscribed' | 'unsubscribed_already' | 'unknown'>;
};

type Result = Omit<BulkItem, 'item'>;
const changed: Result = { outcome: 'changed', reason: null };
const unchanged: Result = { outcome: 'unchanged', reason: null };
const missing: Result = { outcome: 'not_found', reason: null };
const refused = (reason: string): Result => ({ outcome: 'refused', reason });

export function createBulkChanges({ database, clock, subscribers, unsubscribe }: Dependencies): BulkChanges {
  async function changeTags(tx: Transaction, subscriber: Subscriber, action: 'tag' | 'untag', tags: readonly string[]): Promise<Result> {
    const next = action === 'tag' ? [...new Set([...subscriber.tags, ...tags])] : subscriber.tags.filter((tag) => !tags.includes(tag));
    if (next.length > maxTags) return refused(`would have more than ${maxTags} tags`);
    return (await subscribers.writeChange(tx, subscriber, { tags: next })) === subscriber ? unchanged : changed;
  }

  return async (request, origin) => {
    const { action, ids } = request;
    const tags = checkRequest(request);
    const emails = request.emails.map((email) => ({ given: email, reading: readEmail(email, { allowDisposable: true }) }));
    const keys = emails.flatMap(({ reading }) => ('value' in reading ? [reading.value.toLowerCase()] : []));
    return database.transaction(async (tx) => {
      const rows = await lockSubscribers(tx, { ids, emails: keys });
      const known = new Map(rows.flatMap((row) => [[row.id, row] as const, [row.email.toLowerCase(), row] as const]));
      const toSuppress =
        action === 'suppress' ? [...new Set([...keys, ...rows.filter(isThere).map(({ email }) => email.toLowerCase())])] : [];
      const reason = request.reason ?? 'added by hand';
      const shared = { reason, source: 'manual', note: null, expiresAt: null } as const;
      const suppressed = toSuppress.length === 0 ? new Set<string>() : await addSuppressions(tx, toSuppress, shared, clock.now());
      // One that is named by its id and by its address is changed once.
      const done = new Map<string, Result>();
      const resultOf = async (key: string): Promise<Result> => {
        const row = known.get(key.toLowerCase());
        const place = row?.id ?? key.toLowerCase();
        const result = done.get(place) ?? (await change(tx, row, key));
        done.set(place, result);
        return result;
      };
      const change = async (inTx: Transaction, row: Subscriber | undefined, key: string): Promise<Result> => {
        if (action === 'suppress') {
          if (row === undefined && !key.includes('@')) return missing;
          if (row?.status === 'erased') return refused('was erased');
          return suppressed.has(row?.email.toLowerCase() ?? key) ? changed : unchanged;
        }
        if (row === undefined) return missing;
        if (row.status === 'erased') return refused('was erased');
        if (action !== 'unsubscribe') return changeTags(inTx, row, action, tags);
        return (await unsubscribe(inTx, row.id, origin)) === 'unsubscribed' ? changed : unchanged;
      };
      const items: BulkItem[] = [];
      for (const id of ids) items.push({ item: id, ...(await resultOf(id)) });
      for (const { given, reading } of emails) {
        items.push({ item: given, ...('fault' in reading ? refused(reading.fault) : await resultOf(reading.value.toLowerCase())) });
      }
      return items;
    });
  };
}

const isThere = ({ status }: Subscriber) => status !== 'erased';

/** The tags as they are kept. */
function checkRequest({ action, ids, emails, tags }: BulkRequest): readonly string[] {
  const refuse = (path: string, message: string) => invalid(`The request is not valid: ${path} ${message}.`, [{ path, message }]);
  if (ids.length + emails.length === 0) throw refuse('/ids', 'must name at least one, or /emails must');
  if (ids.length + emails.length > maxBulkItems) throw refuse('/ids', `and /emails must not be more than ${maxBulkItems} together`);
  const isAboutTags = action === 'tag' || action === 'untag';
  const reading = readTags(tags);
  if ('fault' in reading) throw refuse('/tags', reading.fault);
  if (isAboutTags && reading.value.length === 0) throw refuse('/tags', 'must name at least one tag');
  if (!isAboutTags && reading.value.length > 0) throw refuse('/tags', 'belong to the actions tag and untag');
  return reading.value;
}
