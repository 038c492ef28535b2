import { sql } from '#platform/database';
import { createApiKey, createHttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { createMailbox, createNewsroom, type Newsroom } from './newsroom.ts';

type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests are about
  readonly json: any;
};

/** The distributor's API before a mailbox, with the clock stopped: jobs run when the test says so. */
export type ApiDesk = {
  readonly t: TestContext;
  readonly newsroom: Newsroom;
  call(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', url: string, body?: object, headers?: Record<string, string>): Promise<Answer>;
  /** Runs these jobs in turn, and what they send, until they have nothing more to do. */
  run(...names: readonly string[]): Promise<void>;
  /** What arrived, oldest first: to whom, and under which subject. */
  mails(): Promise<readonly { readonly to: string; readonly subject: string }[]>;
  pathsOf(answer: Answer): readonly string[];
  actionsOf(subject: string): Promise<readonly string[]>;
  close(): Promise<void>;
};

export async function createApiDesk(): Promise<ApiDesk> {
  const t = await createTestContext();
  const { database, caches, clock, logger, metrics } = t;
  // Ahead of the database's own clock, which stamps the jobs that may start at once.
  clock.set(new Date(Date.now() + 3600_000));
  const mailbox = await createMailbox(t);
  const newsroom = createNewsroom(t, mailbox.transport);
  await t.jobs.prepare(newsroom.distributor.module.jobs.map(({ definition }) => definition));
  const app = await createHttpServer({
    ...{ database, caches, clock, logger, metrics },
    version: '0',
    maxBodyBytes: 1_000_000,
    trustedProxies: [],
    renderNotFound: async () => '',
    routes: [newsroom.distributor.module.routes],
  });
  const { key } = await createApiKey(database, clock, { name: 'editor', scopes: ['campaigns:read', 'campaigns:write'] });

  return {
    t,
    newsroom,
    async call(method, url, body, headers = {}) {
      const response = await app.inject({
        method,
        url: `/api/v1${url}`,
        headers: { authorization: `Bearer ${key}`, ...headers },
        ...(body !== undefined && { payload: body }),
      });
      return { status: response.statusCode, headers: response.headers, json: response.body === '' ? undefined : response.json() };
    },
    async run(...names) {
      for (const name of names) await newsroom.runNow(name);
      await newsroom.runJobs();
    },
    mails: () =>
      database.query(
        'test.mails',
        sql<{ to: string; subject: string }>`select envelope_to as to, subject from mailbox_messages order by received_at, envelope_to`,
      ),
    pathsOf: ({ json }) => (json?.fields ?? []).map(({ path }: { path: string }) => path),
    async actionsOf(subject) {
      const rows = await database.query(
        'test.actions',
        sql<{ entry: string }>`select actor || ' ' || action as entry from audit_log where subject = ${subject} order by occurred_at, id`,
      );
      return rows.map(({ entry }) => entry);
    },
    async close() {
      await app.close();
      await mailbox.close();
      await t.close();
    },
  };
}
