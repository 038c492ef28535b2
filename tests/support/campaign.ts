import type { Context } from '#app/context';
import { sql } from '#platform/database';
import { createPartition, enqueueStatement } from '#services/distributor';

type Setting = Pick<Context, 'database' | 'clock'>;

/** Numbered readers, spread over `hosts` mail hosts: `reader<n>@host<n % hosts>.example.org`. */
export async function addNumberedReaders({ database }: Pick<Setting, 'database'>, from: number, to: number, hosts: number): Promise<void> {
  await database.execute(
    'test.add-readers',
    sql`insert into subscribers (id, email, name, status, subscription_date, country, language, source, created_at, updated_at)
        select uuidv7(), 'reader' || n || '@host' || n % ${hosts}::int || '.example.org', 'Reader ' || n, 'active', now(), 'NL', 'en', 'test', now(), now()
        from generate_series(${from}::int, ${to}::int) n`,
  );
  await database.execute('test.analyse', sql`analyze subscribers`);
}

/** A campaign to so many of the subscribers, compiled and with its ledger filled; it is paused until somebody resumes it. */
export async function addPausedCampaign(
  { database, clock }: Setting,
  campaign: {
    readonly key: string;
    readonly recipients: number;
    readonly content: { readonly subject: string; readonly html: string; readonly text: string };
    readonly links: readonly string[];
  },
): Promise<string> {
  const { key, recipients, content, links } = campaign;
  const [id, templateId] = [clock.newId(), clock.newId()];
  await database.execute(
    'test.add-template',
    sql`insert into newsletter_templates (id, name, mjml, text_template, created_at, updated_at) values (${templateId}, ${key}, '', '', now(), now())`,
  );
  await database.execute(
    'test.add-issue',
    sql`insert into newsletter_issues (id, issue_key, subject, template_id, status, links, created_at, started_at)
        values (${id}, ${key}, ${content.subject}, ${templateId}, 'paused',
                ${JSON.stringify(links.map((url) => ({ url, contentId: null })))}::jsonb, now(), now())`,
  );
  await database.execute(
    'test.add-content',
    sql`insert into issue_contents (issue_id, variant, subject, html_template, text_template)
        values (${id}, 0, ${content.subject}, ${content.html}, ${content.text})`,
  );
  await createPartition(database, id);
  const enqueue = enqueueStatement(id, clock.now());
  await database.execute(
    'test.enqueue',
    enqueue(
      sql`select id, split_part(email, '@', 2) as host, timezone, send_hour, frequency from subscribers order by id limit ${recipients}`,
    ),
  );
  await database.execute('test.analyse-ledger', sql`analyze deliveries`);
  return id;
}
