import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Queryable, sql } from '#platform/database';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import type { TemplateSource } from '../rendering/compile-issue.ts';

export type Template = TemplateSource & { readonly id: string };

const columns = sql`id, name, mjml, text_template as "textTemplate"`;

/** Brings the templates of the folder (`<name>.mjml` beside `<name>.txt.liquid`) into the database; what is there and the same stays. */
export async function loadTemplates(database: Queryable, clock: Clock, folder: string): Promise<void> {
  for (const { name, mjml, textTemplate } of await readTemplates(folder)) {
    await database.execute(
      'templates.save',
      sql`insert into newsletter_templates (id, name, mjml, text_template, created_at, updated_at)
          values (${clock.newId()}, ${name}, ${mjml}, ${textTemplate}, ${clock.now()}, ${clock.now()})
          on conflict (name) do update
            set mjml = excluded.mjml, text_template = excluded.text_template, updated_at = excluded.updated_at
            where (newsletter_templates.mjml, newsletter_templates.text_template) is distinct from (excluded.mjml, excluded.text_template)`,
    );
  }
}

async function readTemplates(folder: string): Promise<TemplateSource[]> {
  try {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.mjml')).sort();
    return await Promise.all(
      files.map(async (file) => {
        const name = file.slice(0, -'.mjml'.length);
        const [mjml, textTemplate] = await Promise.all(
          [file, `${name}.txt.liquid`].map((part) => readFile(path.join(folder, part), 'utf8')),
        );
        return { name, mjml: mjml ?? '', textTemplate: textTemplate ?? '' };
      }),
    );
  } catch (error) {
    throw new AppError('templates_unreadable', `The mail templates in ${folder} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

export function findTemplateByName(database: Queryable, name: string): Promise<Template | undefined> {
  return database.maybeOne('templates.find-by-name', sql<Template>`select ${columns} from newsletter_templates where name = ${name}`);
}

export function findTemplate(database: Queryable, id: string): Promise<Template> {
  return database.one('templates.find', sql<Template>`select ${columns} from newsletter_templates where id = ${id}`);
}

export async function listTemplateNames(database: Queryable): Promise<string[]> {
  const rows = await database.query('templates.list-names', sql<{ name: string }>`select name from newsletter_templates order by name`);
  return rows.map(({ name }) => name);
}
