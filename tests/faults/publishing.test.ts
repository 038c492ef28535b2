import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { encode } from 'jpeg-js';
import { Webhook } from 'standardwebhooks';
import { sql } from '#platform/database';
import { defineJob } from '#platform/jobs';
import { addNumberedReaders } from '../support/campaign.ts';
import { startGraphServer } from '../support/graph-server.ts';
import { createRoleStand } from '../support/role-stand.ts';
import { createTestContext } from '../support/test-context.ts';
import { waitFor } from '../support/wait-for.ts';

type Arrival = { readonly path: string; readonly id: string; readonly headers: IncomingHttpHeaders; readonly body: string };

type WebhookDelivery = {
  readonly messageId: string;
  readonly status: string;
  readonly attempts: number;
  readonly responseStatus: number | null;
  readonly error: string | null;
};

/** Answers 204, unless the script for this arrival, the nth with its path and id, keeps the answer for itself. */
async function startReceiver(script: (arrival: Arrival, nth: number, response: ServerResponse) => 'answer' | 'kept') {
  const arrivals: Arrival[] = [];
  const answered: Arrival[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
    request.on('end', () => {
      const arrival = { path: request.url ?? '', id: String(request.headers['webhook-id']), headers: request.headers, body };
      arrivals.push(arrival);
      const nth = arrivals.filter(({ path: to, id }) => to === arrival.path && id === arrival.id).length;
      if (script(arrival, nth, response) === 'kept') return;
      answered.push(arrival);
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ host, arrivals, answered },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('what goes out to others', { concurrency: true }, () => {
  test('every event arrives at a webhook with one id, though the worker is killed, and receivers hang and reset', async () => {
    const events = 3;
    const base = '/api/v1/webhook-endpoints';
    const kept: { readonly path: string; readonly response: ServerResponse }[] = [];
    const keptAt = (target: string) => kept.filter((call) => call.path === target);
    let hangingId: string | undefined;
    const receiver = await startReceiver(({ path: target, id }, nth, response) => {
      if (target === '/resetting' && nth === 1) {
        response.socket?.resetAndDestroy();
        return 'kept';
      }
      hangingId ??= target === '/hanging' ? id : undefined;
      const isFirstAtAll = target === '/steady' && keptAt('/steady').length === 0;
      // The first time until its sender is killed, the second until the sender gives up.
      const isHanging = target === '/hanging' && id === hangingId && nth <= 2;
      if (!isFirstAtAll && !isHanging) return 'answer';
      kept.push({ path: target, response });
      return 'kept';
    });
    const t = await createTestContext();
    const stand = await createRoleStand({
      database: t.database,
      environment: { DATABASE_URL: t.databaseUrl, CRAWL_ALLOWED_PRIVATE_HOSTS: receiver.host },
    });
    try {
      const api = await stand.start('api');
      const worker = await stand.start('distributor');
      const endpoints = new Map<string, { readonly id: string; readonly secret: string }>();
      for (const target of ['/steady', '/hanging', '/resetting']) {
        const added = await stand.call(api, 'POST', base, { url: `http://${receiver.host}${target}`, eventTypes: ['subscriber.changed'] });
        assert.equal(added.status, 201, JSON.stringify(added.json));
        endpoints.set(target, added.json);
      }
      await addNumberedReaders(t, 1, events, 1);
      const emails = Array.from({ length: events }, (_, n) => `reader${n + 1}@host0.example.org`);
      const tagged = await stand.call(api, 'POST', '/api/v1/subscribers/bulk', { action: 'tag', emails, tags: ['moss'] });
      assert.equal(tagged.json.changed, events, JSON.stringify(tagged.json));

      await waitFor('deliveries under way', () => keptAt('/steady').length === 1 && keptAt('/hanging').length === 1);
      await worker.kill();
      await stand.passTime();
      /** The leases of the dead and the pauses between attempts are over. */
      const passTime = async () => {
        await t.database.execute(
          'test.pass-leases',
          sql`update webhook_deliveries set next_attempt_at = now() - interval '3 minutes' where status = 'pending'`,
        );
        await t.jobs.send(t.database, defineJob('tend-webhooks'), {});
      };
      await passTime();
      await stand.start('distributor');

      const deliveriesOf = async (target: string): Promise<WebhookDelivery[]> =>
        (await stand.call(api, 'GET', `${base}/${endpoints.get(target)?.id}/deliveries`)).json.items;
      const hanging = await waitFor(
        'the sender to give up waiting',
        async () => (await deliveriesOf('/hanging')).find(({ messageId, error }) => messageId === hangingId && error !== null),
        180_000,
      );
      assert.match(hanging.error ?? '', /did not answer in time/);
      assert.deepEqual([hanging.status, hanging.responseStatus], ['pending', null]);
      await passTime();

      const messageIds = new Set<string>();
      for (const [target, { secret }] of endpoints) {
        const items = await waitFor(`all at ${target}`, async () => {
          const rows = await deliveriesOf(target);
          return rows.length === events && rows.every(({ status }) => status === 'delivered') && rows;
        });
        for (const { messageId, attempts, responseStatus, error } of items) {
          messageIds.add(messageId);
          assert.deepEqual([responseStatus, error], [204, null]);
          const arrivals = receiver.arrivals.filter(({ path: to, id }) => to === target && id === messageId);
          assert.ok(arrivals.length >= 1 && arrivals.length <= attempts, `${arrivals.length} arrivals of ${attempts} attempts`);
          assert.ok(target !== '/resetting' || attempts >= 2);
          for (const { body, headers } of arrivals) {
            const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
            assert.ok(new Webhook(secret).verify(body, named));
          }
        }
      }
      assert.equal(messageIds.size, events);
      const idsByBody = Map.groupBy(receiver.arrivals, ({ body }) => body);
      assert.equal(idsByBody.size, events, 'the same bytes each time');
      for (const same of idsByBody.values()) assert.equal(new Set(same.map(({ id }) => id)).size, 1);
    } finally {
      await stand.close();
      await receiver.close();
      await t.close();
    }
  });

  test('an Instagram post is published once, though calls hang, answers are lost and the worker is killed', async () => {
    const base = '/api/v1/instagram-posts';
    const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-instagram-'));
    const graph = await startGraphServer();
    const t = await createTestContext();
    const stand = await createRoleStand({
      database: t.database,
      environment: {
        ...{ DATABASE_URL: t.databaseUrl, STORAGE_DIR: folder },
        ...{ INSTAGRAM_ACCOUNT_ID: graph.accountId, INSTAGRAM_ACCESS_TOKEN: graph.token, INSTAGRAM_API_URL: graph.url },
      },
    });
    try {
      const api = await stand.start('api');
      const worker = await stand.start('distributor');
      const picture = encode({ width: 400, height: 400, data: Buffer.alloc(400 * 400 * 4, 120) }, 50).data;
      const schedule = async (caption: string): Promise<string> => {
        const { json } = await stand.call(api, 'POST', base, { caption });
        const headers = { 'content-type': 'image/jpeg' };
        const added = await stand.call(api, 'POST', `${base}/${json.id}/pictures?altText=Moss`, picture, headers);
        assert.equal(added.status, 200, JSON.stringify(added.json));
        assert.equal((await stand.call(api, 'POST', `${base}/${json.id}/schedule`, {})).status, 200);
        return json.id;
      };
      const read = async (id: string) => (await stand.call(api, 'GET', `${base}/${id}`)).json;
      /** The pauses between the steps are over, and so are the leases of the dead. */
      const passTime = async () => {
        await t.database.execute(
          'test.pass-steps',
          sql`update instagram_posts set next_step_at = now(), lease_until = null where next_step_at is not null`,
        );
        await t.jobs.send(t.database, defineJob('tend-instagram'), {});
      };

      graph.failNext(/^POST \d+\/media$/, 'drop');
      graph.failNext(/media_publish/, 'hang');
      const first = await schedule('Moss on wood');
      await waitFor('the lost answer to be noticed', async () => /could not be asked/.test((await read(first)).statusReason ?? ''));
      await passTime();
      await waitFor('the publication to hang', () => graph.hanging() === 1);
      await worker.kill();
      await stand.passTime();
      await passTime();
      graph.failNext(/media_publish/, 'hang');
      await stand.start('distributor');
      // The first call is carried out only when the second is on its way.
      await waitFor('the second try', () => graph.hanging() === 2);
      graph.carryOut();
      const ended = async (id: string) => {
        const post = await read(id);
        return ['published', 'failed'].includes(post.status) && post.permalink !== null && post;
      };
      const published = await waitFor('the post to be found', () => ended(first));

      graph.failNext(/media_publish/, 'drop');
      const second = await schedule('Shrimp in moss');
      await waitFor('the lost answer to be noticed', async () => /could not be asked/.test((await read(second)).statusReason ?? ''));
      await passTime();
      const found = await waitFor('the second post to be found', () => ended(second));
      for (const { status, statusReason } of [published, found]) assert.deepEqual([status, statusReason], ['published', null]);
      assert.deepEqual(
        graph.published.map(({ id, caption }) => `${caption} https://www.instagram.com/p/${id}/`),
        [published, found].map(({ caption, permalink }) => `${caption} ${permalink}`),
      );
    } finally {
      await stand.close();
      await graph.close();
      await t.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
