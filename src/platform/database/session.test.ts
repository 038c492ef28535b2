import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSession, runInSession, sessionToken } from './session.ts';

const at = (lsn: bigint, timeline = 1) => ({ timeline, lsn });

test('a token brings the position into another process', () => {
  const session = openSession();
  assert.equal(session.token(), undefined);
  session.advance(at(0x16b374d848n, 3));
  const token = session.token() ?? '';
  assert.match(token, /^[\w-]+$/);
  const other = openSession(token);
  assert.deepEqual(other.position(), at(0x16b374d848n, 3));
  assert.equal(other.hasWritten(), false);
});

test('what is no token of ours is as good as none', () => {
  const valid = (() => {
    const session = openSession();
    session.advance(at(1n));
    return session.token() ?? '';
  })();
  for (const token of ['', 'x', 'null', '../../etc', `${valid}AA`, valid.slice(1), `Ag${valid.slice(2)}`, 'A'.repeat(10_000), 'ÄÖÜ']) {
    assert.equal(openSession(token).position(), undefined, token.slice(0, 40));
  }
});

test('a session only moves forward, whatever order its commits are told in', () => {
  const session = openSession();
  session.advance(at(20n));
  session.advance(at(10n));
  assert.deepEqual(session.position(), at(20n));
});

test('after a failover the new timeline counts', () => {
  const session = openSession();
  session.advance(at(900n));
  session.advance(at(500n, 2));
  assert.deepEqual(session.position(), at(500n, 2));
});

test('a commit whose position was not learned is beyond all that replicas have, until the next one is known', () => {
  const session = openSession();
  session.advance(at(10n));
  session.advance(undefined);
  assert.ok((session.position()?.lsn ?? 0n) > 1n << 63n);
  assert.notEqual(openSession(session.token()).position(), undefined);
  session.advance(at(12n));
  assert.deepEqual(session.position(), at(12n));
});

test('a session reaches whatever it starts, and nothing beside it', async () => {
  assert.equal(sessionToken(), undefined);
  const session = openSession();
  session.advance(at(7n));
  const tokens = await Promise.all([
    session.run(async () => {
      await Promise.resolve();
      return sessionToken();
    }),
    runInSession(async () => sessionToken()),
    runInSession(async () => sessionToken(), { token: session.token() ?? '' }),
  ]);
  assert.deepEqual(tokens, [session.token(), undefined, session.token()]);
});
