import { type Database, readByKeyset, sql } from '#platform/database';
import { csvLine } from '#shared/csv-text';
import type { CustomFieldDefinition } from '../custom-fields/custom-field-types.ts';
import { displayEmail } from '../subscribers/email-address.ts';
import type { Subscriber, SubscriberStatus } from '../subscribers/subscriber-types.ts';

export type ExportFilter = {
  readonly status?: SubscriberStatus | undefined;
  readonly segmentId?: string | undefined;
};

export type ExportOptions = ExportFilter & {
  readonly format: 'csv' | 'ndjson';
  readonly definitions: readonly CustomFieldDefinition[];
  /** Of these subscribers, by their id, those of the segments that they belong to. */
  readonly segmentsOf: (
    database: Database,
    ids: readonly string[],
    segmentIds: readonly string[],
  ) => Promise<ReadonlyMap<string, readonly string[]>>;
};

type Row = Omit<Subscriber, 'pausedUntil'>;

const rowsPerPage = 2000;

// Erased people are not exported: there is nothing left that names them.
const pageAfter = (after: string | undefined, status: SubscriberStatus | undefined, limit: number) => sql<Row>`
  select id, email, name, status, subscription_date as "subscriptionDate", country, language, timezone, tags, topics, frequency, format,
         send_hour as "sendHour", custom_fields as "customFields", source, created_at as "createdAt", updated_at as "updatedAt"
  from subscribers
  where (${after ?? null}::uuid is null or id > ${after ?? null}::uuid) and status <> 'erased'
    and (${status ?? null}::text is null or status = ${status ?? null})
  order by id limit ${limit}`;

const plainColumns = [
  'email',
  'name',
  'status',
  'country',
  'language',
  'timezone',
  'tags',
  'topics',
  'frequency',
  'format',
  'send_hour',
  'subscription_date',
  'source',
] as const;

function csvOf(row: Row, definitions: readonly CustomFieldDefinition[]): string {
  const custom = definitions.map(({ name }) => {
    const value = row.customFields[name];
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  });
  return csvLine([
    ...[displayEmail(row.email), row.name, row.status, row.country, row.language, row.timezone, row.tags.join(';'), row.topics.join(';')],
    ...[row.frequency, row.format, row.sendHour, row.subscriptionDate.toISOString(), row.source],
    ...custom,
  ]);
}

function jsonOf({ id: _id, sendHour, subscriptionDate, createdAt: _created, updatedAt: _updated, ...row }: Row): string {
  const given = { ...row, email: displayEmail(row.email), send_hour: sendHour, subscription_date: subscriptionDate.toISOString() };
  return `${JSON.stringify(given)}\n`;
}

/**
 * The subscribers as text, a page at a time, by the time at which they came: as an import reads them, but for `status` and
 * `source`. No transaction is held; whoever comes meanwhile may be in it.
 */
export async function* exportSubscribers(database: Database, options: ExportOptions): AsyncGenerator<string> {
  const { format, status, segmentId, definitions, segmentsOf } = options;
  if (format === 'csv') yield csvLine([...plainColumns, ...definitions.map(({ name }) => `custom:${name}`)]);
  const pages = readByKeyset(database.reads, 'subscribers.export', {
    rowsPerPage,
    toStatement: (after: string | undefined, limit) => pageAfter(after, status, limit),
    keyOf: ({ id }) => id,
  });
  for await (const page of pages) {
    const ids = page.map(({ id }) => id);
    const members = segmentId === undefined ? undefined : await segmentsOf(database, ids, [segmentId]);
    const rows = members === undefined ? page : page.filter(({ id }) => members.has(id));
    yield rows.map((row) => (format === 'csv' ? csvOf(row, definitions) : jsonOf(row))).join('');
  }
}
