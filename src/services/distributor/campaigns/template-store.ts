import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { AppError, messageOf, notFound } from '#shared/errors';
import type { TemplateSource } from '../rendering/issue-to-compile.ts';

export type Template = TemplateSource & {
  readonly id: string;
  readonly description: string;
  /** Comes with the engine: read-only. */
  readonly isBuiltIn: boolean;
  readonly version: number;
  readonly updatedBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};
export type TemplateContent = Pick<Template, 'description' | 'mjml' | 'textTemplate'>;
export type TemplateVersion = TemplateContent & { readonly version: number; readonly createdBy: string; readonly createdAt: Date };

const columns = sql`id, name, description, mjml, text_template as "textTemplate", is_built_in as "isBuiltIn", version,
  updated_by as "updatedBy", created_at as "createdAt", updated_at as "updatedAt"`;

/**
 * Brings the templates of the folder (`<name>.mjml` beside `<name>.txt.liquid`) into the database; what is there and the same
 * stays, and so does a template of somebody's own with that name.
 */
export async function loadTemplates(database: Queryable, clock: Clock, folder: string): Promise<void> {
  for (const { name, description, mjml, textTemplate } of await readTemplates(folder)) {
    await database.execute(
      'templates.save',
      sql`insert into newsletter_templates (id, name, description, mjml, text_template, is_built_in, created_at, updated_at)
          values (${clock.newId()}, ${name}, ${description}, ${mjml}, ${textTemplate}, true, ${clock.now()}, ${clock.now()})
          on conflict (name) do update
            set description = excluded.description, mjml = excluded.mjml, text_template = excluded.text_template,
                version = newsletter_templates.version + 1, updated_at = excluded.updated_at
            where newsletter_templates.is_built_in
              and (newsletter_templates.description, newsletter_templates.mjml, newsletter_templates.text_template)
                is distinct from (excluded.description, excluded.mjml, excluded.text_template)`,
    );
  }
}

async function readTemplates(folder: string): Promise<(TemplateSource & { readonly description: string })[]> {
  try {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.mjml')).sort();
    return await Promise.all(
      files.map(async (file) => {
        const name = file.slice(0, -'.mjml'.length);
        const [mjml = '', textTemplate = ''] = await Promise.all(
          [file, `${name}.txt.liquid`].map((part) => readFile(path.join(folder, part), 'utf8')),
        );
        return { name, description: descriptionOf(mjml), mjml, textTemplate };
      }),
    );
  } catch (error) {
    throw new AppError('templates_unreadable', `The mail templates in ${folder} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** A comment at the top says what the template is for. */
const descriptionOf = (mjml: string): string => /^\s*<!--\s*([\s\S]*?)\s*-->/.exec(mjml)?.[1]?.replace(/\s+/g, ' ') ?? '';

export function findTemplateByName(database: Queryable, name: string): Promise<Template | undefined> {
  return database.maybeOne('templates.find-by-name', sql<Template>`select ${columns} from newsletter_templates where name = ${name}`);
}

/** @throws AppError `not_found` */
export async function findTemplate(database: Queryable, id: string): Promise<Template> {
  const template = await database.maybeOne(
    'templates.find',
    sql<Template>`select ${columns} from newsletter_templates where id = ${id}::uuid`,
  );
  if (template === undefined) throw notFound('template', id);
  return template;
}

/** @throws AppError `not_found` */
export async function lockTemplate(tx: Queryable, id: string): Promise<Template> {
  const template = await tx.maybeOne(
    'templates.lock',
    sql<Template>`select ${columns} from newsletter_templates where id = ${id}::uuid for update`,
  );
  if (template === undefined) throw notFound('template', id);
  return template;
}

export async function listTemplateNames(database: Queryable): Promise<string[]> {
  const rows = await database.query('templates.list-names', sql<{ name: string }>`select name from newsletter_templates order by name`);
  return rows.map(({ name }) => name);
}

/** Newest first; one more than `limit`. */
export function listTemplates(
  database: Queryable,
  { before, limit }: { readonly before: Position | undefined; readonly limit: number },
): Promise<Template[]> {
  const condition =
    before === undefined ? sql`true` : sql`(date_trunc('milliseconds', created_at), id) < (${before.at}::timestamptz, ${before.id}::uuid)`;
  return database.query(
    'templates.list',
    sql<Template>`select ${columns} from newsletter_templates where ${condition}
        order by date_trunc('milliseconds', created_at) desc, id desc limit ${limit + 1}`,
  );
}

/** Undefined when the name is taken. */
export function insertTemplate(
  tx: Queryable,
  template: TemplateContent & { readonly id: string; readonly name: string; readonly actor: string; readonly at: Date },
): Promise<Template | undefined> {
  return tx.maybeOne(
    'templates.insert',
    sql<Template>`insert into newsletter_templates (id, name, description, mjml, text_template, updated_by, created_at, updated_at)
        values (${template.id}, ${template.name}, ${template.description}, ${template.mjml}, ${template.textTemplate}, ${template.actor},
                ${template.at}, ${template.at})
        on conflict (name) do nothing returning ${columns}`,
  );
}

/** Keeps what the template was; it must be locked. */
export async function updateTemplate(
  tx: Queryable,
  before: Template,
  content: TemplateContent & { readonly actor: string; readonly at: Date },
): Promise<Template> {
  await tx.execute(
    'templates.keep-version',
    sql`insert into newsletter_template_versions (template_id, version, description, mjml, text_template, created_by, created_at)
        values (${before.id}, ${before.version}, ${before.description}, ${before.mjml}, ${before.textTemplate}, ${before.updatedBy}, ${before.updatedAt})`,
  );
  // Undo goes back far, and not for ever.
  await tx.execute(
    'templates.drop-old-versions',
    sql`delete from newsletter_template_versions where template_id = ${before.id}::uuid and version <= ${before.version - maxVersionsKept}`,
  );
  return tx.one(
    'templates.update',
    sql<Template>`update newsletter_templates
        set description = ${content.description}, mjml = ${content.mjml}, text_template = ${content.textTemplate},
            version = version + 1, updated_by = ${content.actor}, updated_at = ${content.at}
        where id = ${before.id}::uuid returning ${columns}`,
  );
}

export const maxVersionsKept = 50;

const versionColumns = sql`version, description, mjml, text_template as "textTemplate", created_by as "createdBy", created_at as "createdAt"`;

/** The newest first; at most `maxVersionsKept`. */
export function listTemplateVersions(database: Queryable, id: string): Promise<TemplateVersion[]> {
  return database.query(
    'templates.versions',
    sql<TemplateVersion>`select ${versionColumns} from newsletter_template_versions where template_id = ${id}::uuid
        order by version desc limit ${maxVersionsKept}`,
  );
}

/** @throws AppError `not_found` */
export async function findTemplateVersion(database: Queryable, id: string, version: number): Promise<TemplateVersion> {
  const row = await database.maybeOne(
    'templates.version',
    sql<TemplateVersion>`select ${versionColumns} from newsletter_template_versions where template_id = ${id}::uuid and version = ${version}`,
  );
  if (row === undefined) throw notFound('version of the template', String(version));
  return row;
}

/** The issue that keeps the template from being removed is named by its id. */
export function findUseOfTemplate(tx: Queryable, id: string): Promise<{ id: string } | undefined> {
  return tx.maybeOne('templates.find-use', sql<{ id: string }>`select id from newsletter_issues where template_id = ${id}::uuid limit 1`);
}

export async function deleteTemplate(tx: Queryable, id: string): Promise<void> {
  await tx.execute('templates.delete', sql`delete from newsletter_templates where id = ${id}::uuid`);
}
