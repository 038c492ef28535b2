import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { createLogger, createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createSmtpTransport, type MailTransport, type SmtpTransportOptions } from '../index.ts';
import { mailTo, type SmtpStand, startScripted, startSmtp } from '../testing/smtp.ts';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function open(stand: SmtpStand, options: Partial<SmtpTransportOptions> = {}, parameters = ''): MailTransport {
  const transport = createSmtpTransport({
    url: `${stand.url}${parameters}`,
    logger,
    metrics: createMetrics('test'),
    maxConnections: 1,
    ...options,
  });
  closers.push(
    () => stand.close(),
    () => transport.close(),
  );
  return transport;
}

const isUnavailable = (error: unknown) => error instanceof AppError && error.code === 'mail_unavailable' && error.retryable;
const sendTo = (transport: MailTransport, ...names: string[]) =>
  Promise.all(names.map((name) => transport.send(mailTo(`${name}@example.org`))));
const recipientsOf = (lines: readonly string[]) => lines.filter((line) => line.startsWith('RCPT')).map((line) => /<(.*)@/.exec(line)?.[1]);

describe('the commands', () => {
  test('of a message are one group, and the next group goes behind the final dot', async () => {
    const order: string[] = [];
    const stand = await startScripted((step) => void order.push(step));
    const outcomes = await sendTo(open(stand), 'a', 'b', 'c');
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['accepted', 'accepted', 'accepted'],
    );
    assert.deepEqual(order.slice(0, 8), ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'content', 'MAIL', 'RCPT']);
    assert.equal(stand.connections(), 1);
    assert.match(stand.lines()[1] ?? '', /^MAIL FROM:<digest@aquascene\.example> SIZE=\d+$/);
  });

  test('come one by one where the server takes no groups, or none are wanted', async () => {
    for (const isPipelining of [true, false]) {
      const stand = await startScripted((step) => (step === 'EHLO' && isPipelining ? '250 stand' : undefined));
      const outcomes = await sendTo(open(stand, { isPipelining }), 'a', 'b');
      assert.ok(outcomes.every(({ kind }) => kind === 'accepted'));
      assert.equal(stand.largestGroup(), 1);
    }
  });

  test('begin with RSET after a refusal, and each message keeps its own answer', async () => {
    for (const capabilities of ['250-stand\r\n250 PIPELINING', '250 stand']) {
      const stand = await startScripted((step, _connection, line) => {
        if (step === 'EHLO') return capabilities;
        if (line.includes('<bad@')) return '550-5.1.1 No such\r\n550 5.1.1 user';
        if (step === 'DATA' && stand.lines().at(-2)?.includes('<bad@')) return '503 5.5.1 no recipients';
        return undefined;
      });
      const outcomes = await sendTo(open(stand), 'a', 'bad', 'c');
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        ['accepted', 'rejected', 'accepted'],
      );
      const [, bad] = outcomes;
      assert.ok(bad?.kind === 'rejected' && !bad.temporary);
      assert.deepEqual([bad.code, bad.enhancedCode, bad.response], [550, '5.1.1', '550-5.1.1 No such\n550 5.1.1 user']);
      assert.equal(stand.connections(), 1);
      assert.equal(stand.lines().filter((line) => line === 'RSET').length, 1);
      assert.equal(stand.contents.length, 2);
    }
  });

  test('carry dots, long lines and bytes as they are', async () => {
    const stand = await startScripted(() => undefined);
    const transport = open(stand);
    const deliver = (raw: string) =>
      transport.deliver({ envelope: { from: '', to: 'a@example.org' }, messageId: '<1@x>', raw: Buffer.from(raw, 'latin1') });
    await deliver('.\r\n..a\r\nb\n.\nc\r.\rd');
    await deliver('no line end');
    assert.deepEqual(stand.contents, ['..\r\n...a\r\nb\n..\nc\r..\rd\r\n', 'no line end\r\n']);
    assert.match(stand.lines()[1] ?? '', /^MAIL FROM:<> SIZE=/);
  });
});

describe('what the server cannot carry', () => {
  test('is refused with the reason, and nothing is sent', async () => {
    const stand = await startScripted(() => undefined);
    const transport = open(stand);
    const international = await transport.send(mailTo('зоя@example.org'));
    assert.ok(international.kind === 'rejected' && !international.temporary && international.enhancedCode === '5.6.7');
    const big = await transport.send(mailTo('a@example.org', { text: 'x'.repeat(1_100_000) }));
    assert.ok(big.kind === 'rejected' && !big.temporary && big.enhancedCode === '5.3.4');
    assert.deepEqual(recipientsOf(stand.lines()), []);
    assert.equal((await transport.send(mailTo('a@bücher.example', { messageId: '<1@aquascene.example>' }))).kind, 'accepted');
    assert.ok(stand.lines().includes('RCPT TO:<a@xn--bcher-kva.example>'));
  });

  test('is said with the words for it where it can', async () => {
    const stand = await startScripted((step) => (step === 'EHLO' ? '250-stand\r\n250-SMTPUTF8\r\n250 8BITMIME' : undefined));
    const transport = open(stand);
    assert.equal((await transport.send(mailTo('зоя@example.org'))).kind, 'accepted');
    assert.match(stand.lines()[1] ?? '', /^MAIL FROM:<.*> BODY=8BITMIME SMTPUTF8$/);
  });
});

describe('a lost answer', () => {
  test('concerns the one message whose content was sent; the next goes over a new connection', async () => {
    const stand = await startScripted((step, { number, socket }) => {
      if (step !== 'content' || number > 1) return undefined;
      socket.destroy();
      return null;
    });
    const outcomes = await sendTo(open(stand), 'a', 'b');
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['unknown', 'accepted'],
    );
    assert.equal(stand.contents.length, 2);
  });

  test('is half an answer too, and one that cannot be understood', async () => {
    for (const answer of [
      '250',
      '250-2.0.0 half\r\n',
      'HTTP/1.1 200 OK\r\n',
      '250-a\r\n550 b\r\n',
      `250 ${'x'.repeat(5000)}`,
      '250-x\r\n'.repeat(9000),
      '354 go\r\n',
    ]) {
      const stand = await startScripted((step, { number, socket }) => {
        if (step !== 'content' || number > 1) return undefined;
        socket.end(answer);
        return null;
      });
      const outcomes = await sendTo(open(stand), 'a', 'b');
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        ['unknown', 'accepted'],
        answer.slice(0, 20),
      );
      assert.ok(outcomes.every(({ response }) => response.length <= 1000));
    }
  });

  test('of a message that the network did not take whole leaves it surely not taken', async () => {
    const stand = await startScripted((step, { number, socket }) => {
      if (step !== 'DATA' || number > 1) return undefined;
      socket.pause();
      socket.write('354 go\r\n', () => setImmediate(() => socket.resetAndDestroy()));
      return null;
    });
    const transport = open(stand);
    const raw = Buffer.from(`Subject: x\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(12_000)}`);
    const outcome = await transport.deliver({ envelope: { from: 'a@example.org', to: 'b@example.org' }, messageId: '<1@x>', raw });
    // The kernel may have had room for all of it: then it cannot be known. It is never both sent twice and called sure.
    assert.ok(outcome.kind === 'unknown' || (outcome.kind === 'accepted' && stand.contents.length === 1));
  });
});

describe('a connection that ends', () => {
  test('before the content, is replaced; when that does not help, the message was surely not taken', async () => {
    const steps = ['MAIL', 'RCPT', 'DATA'];
    for (const at of steps) {
      let cuts = 0;
      const stand = await startScripted((step, { socket }) => {
        if (step !== at || cuts >= 2) return undefined;
        cuts += 1;
        socket.destroy();
        return null;
      });
      const [outcome] = await sendTo(open(stand), 'a');
      assert.equal(outcome?.kind, 'accepted', at);
      assert.equal(stand.contents.length, 1);
    }
    const stand = await startScripted((step, { socket }) => {
      if (step === 'MAIL') socket.destroy();
      return step === 'MAIL' ? null : undefined;
    });
    await assert.rejects(sendTo(open(stand), 'a'), isUnavailable);
    assert.equal(stand.contents.length, 0);
  });

  test('with 421 between messages, concerns no message', async () => {
    const stand = await startScripted((step, { number, lines, socket }) => {
      if (step !== 'MAIL' || number > 1 || lines.filter((line) => line.startsWith('MAIL')).length < 3) return undefined;
      setImmediate(() => socket.end());
      return '421 4.7.0 enough from you';
    });
    const outcomes = await sendTo(open(stand), 'a', 'b', 'c', 'd');
    assert.ok(outcomes.every(({ kind }) => kind === 'accepted'));
    assert.equal(stand.contents.length, 4);
    assert.equal(stand.connections(), 2);
  });

  test('with 421 to a message, has refused it for now', async () => {
    for (const at of ['MAIL', 'RCPT', 'DATA', 'content']) {
      const stand = await startScripted((step, { number, socket }) => {
        if (step !== at || number > 1) return undefined;
        setImmediate(() => socket.end());
        return '421 4.3.2 shutting down';
      });
      const [first, second] = await sendTo(open(stand), 'a', 'b');
      assert.ok(first?.kind === 'rejected' && first.temporary && first.code === 421 && first.enhancedCode === '4.3.2', at);
      assert.equal(second?.kind, 'accepted', at);
    }
  });

  test('with a goodbye while it is idle, is not used again', async () => {
    const sockets: { write(text: string): unknown; end(): unknown }[] = [];
    const stand = await startScripted((step, { socket }) => void (step === 'greeting' && sockets.push(socket)));
    const transport = open(stand);
    await sendTo(transport, 'a');
    sockets[0]?.write('421 4.4.2 idle for too long\r\n');
    const [outcome] = await sendTo(transport, 'b');
    assert.equal(outcome?.kind, 'accepted');
    assert.equal(stand.contents.length, 2);
  });

  test('because it has carried its messages or has nothing to do, says goodbye', async () => {
    const stand = await startScripted(() => undefined);
    await sendTo(open(stand, { maxMessagesPerConnection: 2, idleTimeoutMs: 20 }), 'a', 'b', 'c');
    assert.equal(stand.contents.length, 3);
    assert.equal(stand.connections(), 2);
    await waitFor('both to say goodbye', () => stand.lines().filter((line) => line === 'QUIT').length === 2);
  });
});

describe('a server that refuses', () => {
  test('the content before it comes, is heard; one that asks for what it refused, gets nothing', async () => {
    const full = await startScripted((step) => (step === 'DATA' ? '452 4.3.1 no room' : undefined));
    const [outcome] = await sendTo(open(full), 'a');
    assert.ok(outcome?.kind === 'rejected' && outcome.temporary && outcome.code === 452);
    const odd = await startScripted((_step, _connection, line) => (line.includes('<bad@') ? '550 5.1.1 no' : undefined));
    const outcomes = await sendTo(open(odd), 'bad', 'b');
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['rejected', 'accepted'],
    );
    assert.equal(odd.contents.length, 1);
  });

  test('further connections, is served by those that it takes', async () => {
    const stand = await startScripted((step, { number, socket }) => {
      if (step !== 'greeting' || number === 1) return undefined;
      setImmediate(() => socket.end());
      return '421 4.7.0 too many connections';
    });
    const outcomes = await sendTo(open(stand, { maxConnections: 5 }), ...'abcdefghij');
    assert.ok(outcomes.every(({ kind }) => kind === 'accepted'));
    assert.equal(stand.contents.length, 10);
  });

  test('everybody, is unavailable, and its words are told', async () => {
    const stand = await startScripted((step) => (step === 'greeting' ? '554 5.7.1 not from your address' : undefined));
    await assert.rejects(sendTo(open(stand), 'a'), (error: unknown) => isUnavailable(error) && /not from your address/.test(String(error)));
    const unsigned = await startScripted((step) => (step === 'MAIL' ? '530 5.7.0 Authentication required' : undefined));
    await assert.rejects(sendTo(open(unsigned), 'a'), isUnavailable);
  });
});

test('a silent server costs a message no more than its time, at any step', async () => {
  for (const at of ['EHLO', 'MAIL', 'RCPT', 'DATA']) {
    const stand = await startScripted((step) => (step === at ? null : undefined));
    const transport = open(stand, { connectTimeoutMs: 100, silenceTimeoutMs: 50 });
    await assert.rejects(sendTo(transport, 'a'), isUnavailable, at);
  }
  const stand = await startScripted((step) => (step === 'content' ? null : undefined));
  const outcome = await sendTo(open(stand, { silenceTimeoutMs: 300 }), 'a').then(
    ([first]) => first?.kind,
    (error: unknown) => isUnavailable(error) && 'unavailable',
  );
  // On a machine that is slow enough the time is over before the content has left.
  assert.equal(outcome, stand.contents.length === 0 ? 'unavailable' : 'unknown');
});

test('closing finishes what is under way; what waits was surely not taken', async () => {
  const held: (() => void)[] = [];
  const stand = await startScripted((step, { socket }) => {
    if (step !== 'content') return undefined;
    held.push(() => socket.write('250 ok\r\n'));
    return null;
  });
  const transport = open(stand, { isPipelining: false });
  const first = transport.send(mailTo('a@example.org'));
  const second = transport.send(mailTo('b@example.org'));
  const waits = assert.rejects(second, isUnavailable);
  await waitFor('the content', () => held.length === 1);
  const closed = transport.close();
  await waits;
  held[0]?.();
  assert.equal((await first).kind, 'accepted');
  await closed;
  assert.equal(stand.lines().at(-1), 'QUIT');
  await assert.rejects(sendTo(transport, 'c'), isUnavailable);
});

describe('an encrypted session', () => {
  const account = { allowInsecureAuth: false, disabledCommands: [] };

  test('is made by STARTTLS or from the first byte, and the password is given inside', async () => {
    const signIns: string[] = [];
    for (const secure of [false, true]) {
      for (const method of ['PLAIN', 'LOGIN']) {
        const stand = await startSmtp({
          ...account,
          secure,
          authMethods: [method],
          onAuth(auth, session, done) {
            signIns.push(`${auth.method} ${auth.username} ${auth.password} ${session.secure}`);
            done(null, { user: auth.username });
          },
          onData: (stream, _session, done) => void stream.resume().on('end', () => done()),
        });
        const url = stand.url.replace('smtp://', `${secure ? 'smtps' : 'smtp'}://us%40er:p%3Aß%20word@`);
        const [outcome] = await sendTo(open(stand, { url: `${url}?tls.rejectUnauthorized=false` }), 'a');
        assert.equal(outcome?.kind, 'accepted');
      }
    }
    assert.deepEqual(
      signIns,
      ['PLAIN', 'LOGIN', 'PLAIN', 'LOGIN'].map((method) => `${method} us@er p:ß word true`),
    );
  });

  test('with a certificate that proves nothing is not used', async () => {
    for (const secure of [false, true]) {
      const stand = await startSmtp({ ...account, secure, authOptional: true });
      const transport = open(stand, { url: stand.url.replace('smtp:', secure ? 'smtps:' : 'smtp:') });
      await assert.rejects(transport.verify(), (error: unknown) => isUnavailable(error) && /certificate/.test(String(error)));
    }
  });

  test('that is demanded and not offered is not done without', async () => {
    const stand = await startScripted(() => undefined);
    await assert.rejects(sendTo(open(stand, {}, '?requireTLS=true'), 'a'), isUnavailable);
    assert.deepEqual(recipientsOf(stand.lines()), []);
  });

  test('does not count what was said before it began', async () => {
    const stand = await startScripted((step) => {
      if (step === 'EHLO') return '250-stand\r\n250 STARTTLS';
      return step === 'STAR' ? '220 go\r\n250-stand\r\n250 AUTH PLAIN' : undefined;
    });
    const transport = open(stand, { url: stand.url.replace('smtp://', 'smtp://user:secret@') });
    await assert.rejects(transport.verify(), isUnavailable);
    assert.ok(!stand.lines().some((line) => line.startsWith('AUTH')));
  });
});
