import { type Queryable, sql } from '#platform/database';
import { invalid, notFound } from '#shared/errors';
import type { MailSource, MailTemplate } from './mail-types.ts';

const columns = sql`name, subject, html, text, version, updated_by as "updatedBy", created_at as "createdAt", updated_at as "updatedAt"`;

/** Creates or replaces. */
export function saveTemplate(
  tx: Queryable,
  name: string,
  { subject, html, text }: MailSource,
  actor: string,
  at: Date,
): Promise<MailTemplate> {
  return tx.one(
    'transactional-templates.save',
    sql<MailTemplate>`insert into transactional_templates as t (name, subject, html, text, updated_by, created_at, updated_at)
        values (${name}, ${subject}, ${html}, ${text}, ${actor}, ${at}, ${at})
        on conflict (name) do update set subject = excluded.subject, html = excluded.html, text = excluded.text, version = t.version + 1,
          updated_by = excluded.updated_by, updated_at = excluded.updated_at
        returning ${columns}`,
  );
}

export async function findTemplate(database: Queryable, name: string): Promise<MailTemplate> {
  const found = await database.maybeOne(
    'transactional-templates.find',
    sql<MailTemplate>`select ${columns} from transactional_templates where name = ${name}`,
  );
  if (found === undefined) throw notFound('transactional template', name);
  return found;
}

/** @throws AppError `invalid_request` where there is none: of a request that names it */
export async function getTemplate(database: Queryable, name: string): Promise<MailSource> {
  const found = await database.maybeOne(
    'transactional-templates.get',
    sql<MailSource>`select subject, html, text from transactional_templates where name = ${name}`,
  );
  if (found !== undefined) return found;
  throw invalid(`There is no transactional template "${name}".`, [
    { path: '/template', message: 'is not the name of a transactional template' },
  ]);
}

/** By name; one more than `limit`. */
export function listTemplates(database: Queryable, after: string, limit: number): Promise<MailTemplate[]> {
  return database.query(
    'transactional-templates.list',
    sql<MailTemplate>`select ${columns} from transactional_templates where name > ${after} order by name limit ${limit}`,
  );
}

export function deleteTemplate(tx: Queryable, name: string): Promise<number> {
  return tx.execute('transactional-templates.delete', sql`delete from transactional_templates where name = ${name}`);
}
