import { type Queryable, sql } from '#platform/database';
import type { CustomFieldDefinition } from './custom-field-types.ts';

const columns = sql`id, name, label, type, choices, reader_editable as "readerEditable", created_at as "createdAt", updated_at as "updatedAt"`;

/** All of them, by name; there are at most 50. */
export function listDefinitions(database: Queryable): Promise<CustomFieldDefinition[]> {
  return database.query<CustomFieldDefinition>(
    'custom-fields.list',
    sql`select ${columns} from custom_field_definitions order by name limit 1000`,
  );
}

/** As `listDefinitions`; none of them is changed or removed before the transaction that writes values ends. */
export function holdDefinitions(tx: Queryable): Promise<CustomFieldDefinition[]> {
  return tx.query<CustomFieldDefinition>(
    'custom-fields.hold',
    sql`select ${columns} from custom_field_definitions order by name limit 1000 for share`,
  );
}

export function lockDefinition(tx: Queryable, id: string): Promise<CustomFieldDefinition | undefined> {
  return tx.maybeOne<CustomFieldDefinition>(
    'custom-fields.lock',
    sql`select ${columns} from custom_field_definitions where id = ${id}::uuid for update`,
  );
}

/** Two that add one at once wait for each other, so that their number stays within its limit. */
export async function lockAllDefinitions(tx: Queryable): Promise<void> {
  await tx.execute('custom-fields.lock-all', sql`lock table custom_field_definitions in share row exclusive mode`);
}

/** Undefined when the name is taken. */
export function insertDefinition(tx: Queryable, definition: CustomFieldDefinition): Promise<CustomFieldDefinition | undefined> {
  const { id, name, label, type, choices, readerEditable, createdAt } = definition;
  return tx.maybeOne<CustomFieldDefinition>(
    'custom-fields.insert',
    sql`insert into custom_field_definitions (id, name, label, type, choices, reader_editable, created_at, updated_at)
        values (${id}, ${name}, ${label}, ${type}, ${choices}::text[], ${readerEditable}, ${createdAt}, ${createdAt})
        on conflict (name) do nothing returning ${columns}`,
  );
}

export function updateDefinition(tx: Queryable, definition: CustomFieldDefinition): Promise<CustomFieldDefinition> {
  const { id, label, choices, readerEditable, updatedAt } = definition;
  return tx.one<CustomFieldDefinition>(
    'custom-fields.update',
    sql`update custom_field_definitions
        set label = ${label}, choices = ${choices}::text[], reader_editable = ${readerEditable}, updated_at = ${updatedAt}
        where id = ${id} returning ${columns}`,
  );
}

export async function deleteDefinition(tx: Queryable, id: string): Promise<void> {
  await tx.execute('custom-fields.delete', sql`delete from custom_field_definitions where id = ${id}::uuid`);
}

/** Whether anybody has a value of the field; with `choices`, one of these. Looks through all subscribers: for rare changes. */
export async function isInUse(tx: Queryable, name: string, choices?: readonly string[]): Promise<boolean> {
  const isOneOf = choices === undefined ? sql`true` : sql`custom_fields ->> ${name} = any(${choices}::text[])`;
  const row = await tx.one<{ used: boolean }>(
    'custom-fields.is-in-use',
    sql`select exists (select 1 from subscribers where custom_fields ? ${name} and ${isOneOf}) as used`,
  );
  return row.used;
}

/** Takes the values of a field away, from so many subscribers at most. */
export function deleteValues(database: Queryable, name: string, limit: number, at: Date): Promise<number> {
  return database.execute(
    'custom-fields.delete-values',
    sql`update subscribers set custom_fields = custom_fields - ${name}::text, updated_at = ${at}
        where id in (select id from subscribers where custom_fields ? ${name} order by id limit ${limit} for update)`,
  );
}
