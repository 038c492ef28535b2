import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { SubscriptionForm } from './form-types.ts';

const columns = sql`id, slug, name, title, intro, consent_statement as "consentStatement", double_opt_in as "doubleOptIn", tags, topics, fields,
  language, redirect_url as "redirectUrl", created_at as "createdAt", updated_at as "updatedAt"`;

/** Undefined when the slug is taken. */
export function insertForm(tx: Queryable, form: SubscriptionForm): Promise<SubscriptionForm | undefined> {
  return tx.maybeOne<SubscriptionForm>(
    'forms.insert',
    sql`insert into subscription_forms (id, slug, name, title, intro, consent_statement, double_opt_in, tags, topics, fields, language,
                                        redirect_url, created_at, updated_at)
        values (${form.id}, ${form.slug}, ${form.name}, ${form.title}, ${form.intro}, ${form.consentStatement}, ${form.doubleOptIn},
                ${form.tags}::text[], ${form.topics}::text[], ${JSON.stringify(form.fields)}::jsonb, ${form.language},
                ${form.redirectUrl}, ${form.createdAt}, ${form.createdAt})
        on conflict (slug) do nothing returning ${columns}`,
  );
}

/** Locked until the transaction ends. */
export function lockForm(tx: Queryable, id: string): Promise<SubscriptionForm | undefined> {
  return tx.maybeOne<SubscriptionForm>('forms.lock', sql`select ${columns} from subscription_forms where id = ${id}::uuid for update`);
}

/** Undefined when another form has the slug. */
export function updateForm(tx: Queryable, form: SubscriptionForm): Promise<SubscriptionForm | undefined> {
  return tx.maybeOne<SubscriptionForm>(
    'forms.update',
    sql`update subscription_forms
        set slug = ${form.slug}, name = ${form.name}, title = ${form.title}, intro = ${form.intro}, consent_statement = ${form.consentStatement},
            double_opt_in = ${form.doubleOptIn}, tags = ${form.tags}::text[], topics = ${form.topics}::text[],
            fields = ${JSON.stringify(form.fields)}::jsonb, language = ${form.language}, redirect_url = ${form.redirectUrl},
            updated_at = ${form.updatedAt}
        where id = ${form.id} and not exists (select 1 from subscription_forms where slug = ${form.slug} and id <> ${form.id})
        returning ${columns}`,
  );
}

export function findForm(database: Queryable, id: string): Promise<SubscriptionForm | undefined> {
  return database.maybeOne<SubscriptionForm>('forms.find', sql`select ${columns} from subscription_forms where id = ${id}::uuid`);
}

export function findFormBySlug(database: Queryable, slug: string): Promise<SubscriptionForm | undefined> {
  return database.maybeOne<SubscriptionForm>('forms.find-by-slug', sql`select ${columns} from subscription_forms where slug = ${slug}`);
}

export function deleteForm(tx: Queryable, id: string): Promise<number> {
  return tx.execute('forms.delete', sql`delete from subscription_forms where id = ${id}::uuid`);
}

/** Newest first; one row more than `limit`. */
export function listForms(database: Queryable, before: Position | undefined, limit: number): Promise<SubscriptionForm[]> {
  const place = before === undefined ? sql`true` : sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`;
  return database.query<SubscriptionForm>(
    'forms.list',
    sql`select ${columns} from subscription_forms where ${place} order by created_at desc, id desc limit ${limit + 1}`,
  );
}
