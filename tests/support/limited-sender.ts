/**
 * Forked by limited-sending.ts: a process that sends as much as it gets leave for, until it is told to stop. Its orders come
 * over the channel; the first one says where to.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase } from '#platform/database';
import { createMailRouter, createSmtpTransport, type Permit, type Wait } from '#platform/mail';
import { createRedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { parseHostLimits } from '#shared/mail-host-limits';
import { parseTransports } from '#shared/mail-transports';

export type SenderOrder =
  | {
      readonly kind: 'start';
      readonly databaseUrl: string;
      readonly redisUrl: string | undefined;
      readonly smtpUrl: string;
      readonly hostLimits: string;
      readonly domain: string;
    }
  | { readonly kind: 'stop' };

/** Of each round; more than comes through, so that there is always somebody who waits. */
const batchSize = 40;
const logger = createLogger({ level: 'fatal', format: 'json', role: 'sender' });
const metrics = createMetrics('sender');
let isStopped = false;
let sent = 0;

async function run({ databaseUrl, redisUrl, smtpUrl, hostLimits, domain }: Extract<SenderOrder, { kind: 'start' }>): Promise<void> {
  const database = createDatabase({ url: databaseUrl, applicationName: 'aquascene-test-sender', maxConnections: 2, logger, metrics });
  const redis = redisUrl === undefined ? undefined : createRedisConnections({ url: redisUrl, name: 'test-sender', logger, metrics });
  const router = createMailRouter({
    transports: parseTransports(smtpUrl).transports,
    hostLimits: parseHostLimits(hostLimits).limits,
    open: ({ url }) => createSmtpTransport({ url, logger, metrics, maxConnections: 5 }),
    ...{ database, redis: redis?.commands, clock: systemClock, logger, metrics },
  });

  async function sendOne(permit: Permit): Promise<void> {
    sent += 1;
    const messageId = `<${process.pid}.${sent}@aquascene.example>`;
    const to = `reader${sent}@${domain}`;
    const raw = Buffer.from(`From: a@aquascene.example\r\nTo: ${to}\r\nMessage-ID: ${messageId}\r\nSubject: Hello\r\n\r\nHello\r\n`);
    await router.deliver({ envelope: { from: 'a@aquascene.example', to }, messageId, raw }, permit);
  }

  const isPermit = (leave: Permit | Wait): leave is Permit => leave.kind === 'permit';
  while (!isStopped) {
    const leaves = await router.reserve(Array.from({ length: batchSize }, () => ({ host: domain })));
    const permits = leaves.filter(isPermit);
    // What goes wrong is seen at the sink: there is less of it.
    await Promise.allSettled(permits.map(sendOne));
    const waits = leaves.flatMap((leave) => (leave.kind === 'wait' ? [leave.until.getTime()] : []));
    if (permits.length === 0 && waits.length > 0) await delay(Math.max(1, Math.min(...waits) - Date.now()));
  }
  await router.close();
  await redis?.close();
  await database.close();
  process.disconnect();
}

process.on('message', (order: SenderOrder) => {
  if (order.kind === 'stop') isStopped = true;
  else void run(order);
});
