import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { simpleParser } from 'mailparser';
import { type Database, sql } from '#platform/database';
import type { HttpServer, HttpServerOptions } from '#platform/http-server';
import { createMailboxServer, createSmtpTransport } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';
import { createStorage } from '#platform/storage';
import { authorize, createTestServer } from '../../../../tests/support/test-server.ts';
import { createSubscriberManager, type SubscriberManager } from '../index.ts';

/** For tests: the service with its jobs at work, behind the real HTTP server, its mail going to the real mailbox. */
export type TestStand = {
  readonly manager: SubscriberManager;
  readonly app: HttpServer;
  /** Calls the API with a key that may do everything. */
  call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    body?: object | string,
    contentType?: string,
  ): Promise<{ status: number; json: ReturnType<typeof JSON.parse>; body: string }>;
  /** Imports a list at once. */
  importCsv(csv: string | Buffer, options?: Parameters<SubscriberManager['importFile']>[1]): ReturnType<SubscriberManager['importFile']>;
  /** Mails to the address that have arrived, oldest first. */
  mailsTo(address: string): Promise<{ subject: string; text: string; html: string; messageId: string; headers: string }[]>;
  close(): Promise<void>;
};

export const site = { baseUrl: 'http://localhost:1', title: 'Greenwater & Sons', tagline: 'Tanks', language: 'en' };
export const secret = 'a secret of the tests';

export async function startTestStand(
  dependencies: ServiceDependencies & Pick<HttpServerOptions, 'caches'>,
  baseUrl = site.baseUrl,
): Promise<TestStand> {
  const { database, clock, logger, metrics, jobs } = dependencies;
  const mailbox = await createMailboxServer({ database, clock, port: 0, logger });
  const mail = createSmtpTransport({ url: `smtp://127.0.0.1:${mailbox.port}`, logger, metrics });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-subscribers-'));
  const storage = createStorage({ ...dependencies, config: { kind: 'folder', folder }, publicUrl: baseUrl, secret });
  const manager = createSubscriberManager({
    ...dependencies,
    storage,
    site: { ...site, baseUrl },
    secret,
    mail,
    mailFrom: 'Greenwater <news@greenwater.example>',
    topics: [
      { slug: 'plants', name: 'Plants' },
      { slug: 'shrimp', name: 'Shrimp' },
    ],
    formRedirectHosts: ['thanks.example'],
    renderPage: async ({ title, html }) => `<!doctype html><html lang="de"><head><title>${title}</title></head><body>${html}</body></html>`,
  });
  await jobs.prepare(manager.module.jobs.map(({ definition }) => definition));
  await jobs.work(manager.module.jobs);
  const app = await createTestServer(dependencies, [manager.module.routes]);
  const authorization = await authorize(dependencies, '*');
  return {
    manager,
    app,
    async call(method, url, body, contentType = 'application/json') {
      const response = await app.inject({
        method,
        url,
        headers: { authorization, ...(body !== undefined && { 'content-type': contentType }) },
        ...(body !== undefined && { payload: body }),
      });
      const isJson = /[/+]json/.test(String(response.headers['content-type']));
      return { status: response.statusCode, json: isJson ? response.json() : undefined, body: response.body };
    },
    importCsv: (csv, options = {}) => manager.importFile(Readable.from([Buffer.from(csv)]), { source: 'list', ...options }, 'tests'),
    mailsTo: (address) => readMails(database, address),
    async close() {
      await app.close();
      await mail.close();
      await mailbox.close();
      await storage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function readMails(database: Database, address: string) {
  const rows = await database.query<{ raw: Buffer }>(
    'test.mails',
    sql`select raw from mailbox_messages where lower(envelope_to) = lower(${address}) order by received_at, id`,
  );
  return Promise.all(
    rows.map(async ({ raw }) => {
      const { subject = '', text = '', html, messageId = '' } = await simpleParser(raw);
      const [headers = ''] = raw.toString('utf8').split('\r\n\r\n');
      return { subject, text, html: typeof html === 'string' ? html : '', messageId, headers };
    }),
  );
}
