import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { SMTPServerOptions } from 'smtp-server';
import { sql } from '#platform/database';
import { createMetrics } from '#platform/telemetry';
import { parseHostLimits } from '#shared/mail-host-limits';
import { parseTransports } from '#shared/mail-transports';
import { startTcpProxy } from '../../../../tests/support/tcp-proxy.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../../tests/support/test-server.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createSmtpTransport } from '../smtp-transport.ts';
import { mailTo, type SmtpStand, startRaw, startSmtp } from '../testing/smtp.ts';
import { createMailRouter } from './mail-router.ts';
import type { MailRouter, Permit, Wait } from './router-types.ts';
import { createMailTransportRoutes } from './transport-routes.ts';

let t: TestContext;
const closers: (() => Promise<void>)[] = [];
before(async () => {
  t = await createTestContext();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await t.database.execute('test.reset', sql`truncate mail_limit_states, mail_transport_switches`);
});
after(() => t.close());

type Taken = { readonly to: string; readonly text: string };

async function startSink(options: SMTPServerOptions = {}): Promise<SmtpStand & { readonly taken: Taken[] }> {
  const taken: Taken[] = [];
  const stand = await startSmtp({
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        taken.push({ to: session.envelope.rcptTo[0]?.address ?? '', text: Buffer.concat(chunks).toString() });
        done();
      });
      stream.on('error', (error: Error) => done(error));
    },
    ...options,
  });
  closers.push(stand.close);
  return { ...stand, taken };
}

/** Nobody listens there any more. */
async function closedUrl(): Promise<string> {
  const stand = await startSmtp({});
  await stand.close();
  return stand.url;
}

function openRouter(smtpUrl: string, hostLimits = '', more: { patienceMs?: number } = {}): MailRouter {
  const { database, clock, logger } = t;
  const parsed = parseTransports(smtpUrl);
  assert.deepEqual(parsed.faults, []);
  const metrics = createMetrics('test');
  const router = createMailRouter({
    transports: parsed.transports,
    hostLimits: parseHostLimits(hostLimits).limits,
    open: ({ url, maxConnections = 5 }) => createSmtpTransport({ url, maxConnections, logger, metrics }),
    ...{ database, clock, logger, metrics, ...more },
  });
  closers.push(() => router.close());
  return router;
}

const readyFor = (to: string) => ({
  envelope: { from: 'digest@aquascene.example', to },
  messageId: `<key.${to.split('@')[0]}@aquascene.example>`,
  raw: Buffer.from(`To: ${to}\r\nSubject: Hello\r\n\r\nHello\r\n`),
});
const requestsFor = (host: string, count: number) => Array.from({ length: count }, () => ({ host }));
const permitsOf = (leaves: readonly (Permit | Wait)[]) => leaves.filter((leave): leave is Permit => leave.kind === 'permit');
const waitsOf = (leaves: readonly (Permit | Wait)[]) => leaves.filter((leave): leave is Wait => leave.kind === 'wait');
const countStates = async () =>
  (await t.database.query('test.states', sql<object>`select 1 from mail_limit_states where key like 'limit:%'`)).length;

test('without a limit every request has leave, and nothing is kept about it', async () => {
  const sink = await startSink();
  const router = openRouter(sink.url);
  const permits = permitsOf(await router.reserve(requestsFor('reader.example', 500)));
  assert.equal(permits.length, 500);
  const outcome = await router.deliver(readyFor('a@reader.example'), permits[0]);
  assert.deepEqual([outcome.kind, outcome.transport], ['accepted', 'default']);
  assert.equal((await router.send(mailTo('b@reader.example'))).transport, 'default');
  assert.equal(await countStates(), 0);
  assert.deepEqual(
    sink.taken.map(({ to }) => to),
    ['a@reader.example', 'b@reader.example'],
  );
});

test('leave is given up to the limit of the host, comes back when it is released, and is kept by two processes together', async () => {
  const sink = await startSink();
  // By the hour: no time that a test takes brings anything back.
  const limits = 'gmail.com=40/h';
  const [one, other] = [openRouter(sink.url, limits), openRouter(sink.url, limits)];
  const leaves = await one.reserve(requestsFor('googlemail.com', 50));
  const permits = permitsOf(leaves);
  assert.equal(permits.length, 38, 'two of forty are kept for mails that people wait for');
  assert.equal(permits[0]?.host, 'gmail.com');
  for (const { until } of waitsOf(leaves)) assert.ok(until > new Date());
  assert.equal(permitsOf(await other.reserve(requestsFor('gmail.com', 5))).length, 0);
  assert.equal(permitsOf(await other.reserve(requestsFor('elsewhere.example', 5))).length, 5, 'others are free');
  for (const [index, permit] of permits.slice(0, 8).entries()) await one.deliver(readyFor(`r${index}@gmail.com`), permit);
  one.release(permits);
  one.release(permits);
  const given = await waitFor('what was released to come to the other', async () => {
    const more = permitsOf(await other.reserve(requestsFor('gmail.com', 50)));
    return more.length > 0 && more;
  });
  assert.ok(given.length <= 30, `${given.length} besides the eight that were sent`);
});

test('a mail that somebody waits for has leave where campaigns have none left, and is refused with a time when there is none at all', async () => {
  const sink = await startSink();
  const router = openRouter(sink.url, 'gmail.com=20/h', { patienceMs: 20_000 });
  for (const permit of permitsOf(await router.reserve(requestsFor('gmail.com', 40)))) await router.deliver(readyFor('a@gmail.com'), permit);
  assert.equal(sink.taken.length, 19);
  assert.equal((await router.send(mailTo('b@gmail.com'))).kind, 'accepted');
  await assert.rejects(router.send(mailTo('c@gmail.com')), { code: 'mail_unavailable', retryable: true });
  assert.equal(sink.taken.length, 20);
});

test('a server that is gone is passed over, its circuit opens, and is tried again when it is back', async () => {
  const [sink, back] = [await startSink(), await startSink()];
  const proxy = await startTcpProxy({ targetPort: Number(new URL(back.url).port) });
  closers.push(() => proxy.close());
  proxy.set('cut');
  const router = openRouter(`smtp://127.0.0.1:${proxy.port}?name=dead&weight=1000, ${sink.url}?name=alive`);
  for (let count = 0; count < 8; count += 1) {
    const [leave] = await router.reserve(requestsFor('reader.example', 1));
    assert.ok(leave?.kind === 'permit');
    const outcome = await router.deliver(readyFor(`r${count}@reader.example`), leave);
    assert.deepEqual([outcome.kind, outcome.transport], ['accepted', 'alive']);
  }
  await router.verify();
  const circuit = await waitFor('all to know of the circuit', async () => {
    const { transports } = await router.report();
    return transports[0]?.circuit.processes === 1 && transports[0].circuit;
  });
  assert.notEqual(circuit.state, 'closed');
  proxy.set('open');
  await waitFor('the server to be used again', async () => {
    const [leave] = await router.reserve(requestsFor('reader.example', 1));
    return leave?.kind === 'permit' && (await router.deliver(readyFor('back@reader.example'), leave)).transport === 'dead';
  });
  assert.ok(back.taken.length > 0);
});

test('with one server that is gone there is no leave until it is tried again, and mails fail fast', async () => {
  const router = openRouter(await closedUrl());
  for (let count = 0; count < 5; count += 1) {
    await assert.rejects(router.deliver(readyFor('a@reader.example')), { code: 'mail_unavailable', retryable: true });
  }
  const leaves = await router.reserve(requestsFor('reader.example', 10));
  assert.ok(permitsOf(leaves).length <= 1, 'one at most, for a trial');
  await assert.rejects(router.verify(), { code: 'mail_unavailable' });
});

test('what may have been taken is handed to nobody else', async () => {
  const spare = await startSink();
  const cutting = await startRaw((socket) => {
    let isData = false;
    socket.write('220 ready\r\n');
    socket.on('data', (chunk) => {
      const text = chunk.toString();
      if (isData) {
        if (text.includes('\r\n.\r\n')) socket.destroy();
        return;
      }
      // One answer a command: they may come in one packet.
      for (const line of text.split('\r\n').filter(Boolean)) {
        if (/^DATA/i.test(line)) {
          isData = true;
          socket.write('354 go on\r\n');
        } else socket.write('250 fine\r\n');
      }
    });
  });
  closers.push(cutting.close);
  const router = openRouter(`${cutting.url}?name=cutting&domains=reader.example, ${spare.url}?name=spare`);
  const outcome = await router.deliver(readyFor('a@reader.example'));
  assert.deepEqual([outcome.kind, outcome.transport], ['unknown', 'cutting']);
  assert.equal(spare.taken.length, 0);
});

test('a refusal of the recipient is an answer: no other server is asked', async () => {
  const refuse = (code: number, message: string) => Object.assign(new Error(message), { responseCode: code });
  const strict = await startSink({ onRcptTo: (_, __, done) => done(refuse(550, '5.1.1 no such user')) });
  const spare = await startSink();
  const router = openRouter(`${strict.url}?name=strict&domains=reader.example, ${spare.url}?name=spare`);
  const outcome = await router.deliver(readyFor('a@reader.example'));
  assert.deepEqual([outcome.kind, outcome.transport], ['rejected', 'strict']);
  assert.equal(spare.taken.length, 0);
});

test('a host that puts mails off is slowed down in every process, though no limit was set, and is told with its end', async () => {
  const busy = (message: string) => Object.assign(new Error(message), { responseCode: 450 });
  const sink = await startSink({
    onRcptTo: ({ address }, _, done) => done(address.endsWith('@busy.example') ? busy('4.7.0 too fast') : undefined),
  });
  const [one, other] = [openRouter(sink.url), openRouter(sink.url)];
  await other.deliver(readyFor('a@reader.example'));
  const slow = await waitFor('the host to be slowed down', async () => {
    for (const permit of permitsOf(await one.reserve(requestsFor('busy.example', 5))))
      await one.deliver(readyFor('a@busy.example'), permit);
    return (await one.report()).slowHosts[0];
  });
  assert.equal(slow.host, 'busy.example');
  assert.ok(slow.ratePerSecond < slow.fullRatePerSecond && slow.until > new Date(), JSON.stringify(slow));
  await waitFor('the other process to hold back too', async () => {
    await other.deliver(readyFor('a@reader.example'));
    const leaves = await other.reserve(requestsFor('busy.example', 200));
    other.release(permitsOf(leaves));
    return waitsOf(leaves).length > 0;
  });
  assert.equal(permitsOf(await one.reserve(requestsFor('reader.example', 50))).length, 50, 'only that host');
});

test('a provider’s headers name the delivery, whichever way it is handed over', async () => {
  const sink = await startSink();
  const router = openRouter(`${sink.url}?name=postmark&provider=postmark`);
  await router.deliver(readyFor('a@reader.example'));
  await router.send(mailTo('b@reader.example', { messageId: '<confirm-1@aquascene.example>' }));
  assert.match(sink.taken[0]?.text ?? '', /^X-PM-Metadata-delivery: key\.a\r?$/m);
  assert.match(sink.taken[1]?.text ?? '', /^X-PM-Metadata-delivery: confirm-1\r?$/m);
});

test('a permit is good for one mail; without one the mail waits for leave of its own', async () => {
  const sink = await startSink();
  const router = openRouter(sink.url, 'gmail.com=2/h', { patienceMs: 1 });
  const [permit] = permitsOf(await router.reserve(requestsFor('gmail.com', 1)));
  assert.ok(permit !== undefined);
  await router.deliver(readyFor('a@gmail.com'), permit);
  await router.deliver(readyFor('b@gmail.com'), permit);
  await assert.rejects(router.deliver(readyFor('c@gmail.com'), permit), { code: 'mail_unavailable' });
  assert.equal(sink.taken.length, 2);
});

test('a warm-up bounds the day, and is told as a limit of it', async () => {
  const sink = await startSink();
  const router = openRouter(`${sink.url}?name=new&warm-up=2999-01-01:30,60`);
  assert.equal(permitsOf(await router.reserve(requestsFor('reader.example', 50))).length, 29);
  const [report] = (await router.report()).transports;
  assert.deepEqual([report?.limits, report?.warmUp], [{ day: 30 }, { startsOn: '2999-01-01', today: 30 }]);
});

test('an operator switches a transport off and on: kept, audited, heard by all, shown without secrets', async () => {
  const [one, two] = [await startSink(), await startSink()];
  const smtpUrl = `${one.url.replace('smtp://', 'smtp://user:hunter2@')}?name=one&requireTLS=false&per-hour=1000, ${two.url}?name=two&weight=3&domains=gmail.com`;
  const [router, other] = [openRouter(smtpUrl), openRouter(smtpUrl)];
  const app = await createTestServer(t, [createMailTransportRoutes(router)]);
  closers.push(async () => void (await app.close()));
  const reader = await authorize(t, 'system:read');
  const writer = await authorize(t, 'system:write');
  const post = (url: string, authorization = writer) => app.inject({ method: 'POST', url, headers: { authorization } });
  await other.reserve(requestsFor('gmail.com', 1));

  assert.equal((await post('/api/v1/mail/transports/two/disable', reader)).statusCode, 403);
  assert.equal((await post('/api/v1/mail/transports/three/disable')).statusCode, 404);
  const tooLong = await post(`/api/v1/mail/transports/${'x'.repeat(41)}/disable`);
  assert.ok(tooLong.statusCode >= 400 && tooLong.statusCode < 500);
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual((await post('/api/v1/mail/transports/two/disable')).json(), { name: 'two', isEnabled: false });
  }
  const nextTransport = async () => {
    const leaves = await other.reserve(requestsFor('gmail.com', 1));
    other.release(permitsOf(leaves));
    return permitsOf(leaves)[0]?.transport;
  };
  await waitFor('the other process to hear it', async () => (await nextTransport()) === 'one');
  const answer = await app.inject({ url: '/api/v1/mail/transports', headers: { authorization: reader } });
  assert.equal(answer.statusCode, 200);
  assert.ok(!answer.body.includes('hunter2') && !answer.body.includes('user'));
  const [first, second] = answer.json().items;
  assert.deepEqual([first.name, first.isEnabled, first.limits, first.circuit.state], ['one', true, { hour: 1000 }, 'closed']);
  assert.deepEqual([second.name, second.isEnabled, second.switchedBy, second.domains], ['two', false, 'key:tests', ['gmail.com']]);
  await post('/api/v1/mail/transports/two/enable');
  await waitFor('the other process to hear that too', async () => (await nextTransport()) === 'two');
  const audits = await t.database.query<{ action: string }>(
    'test.audit',
    sql`select action from audit_log where subject = 'mail_transport:two' order by id`,
  );
  assert.deepEqual(
    audits.map(({ action }) => action),
    ['mail_transport.disable', 'mail_transport.enable'],
  );
});
