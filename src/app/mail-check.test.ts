import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { createMailCheck } from './mail-check.ts';

test('asks once for many, and tells them what came of it', async () => {
  let sessions = 0;
  const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const check = createMailCheck({ verify: () => answers[sessions++]?.promise ?? Promise.resolve() });
  const asked = [check(), check(), check()];
  answers[0]?.resolve();
  await Promise.all(asked);
  assert.equal(sessions, 1);

  const refused = [check(), check()];
  answers[1]?.reject(new AppError('mail_unavailable', 'refused'));
  for (const each of refused) await assert.rejects(each, { message: 'refused' });
  assert.equal(sessions, 2);
});

test('gives up on a server that is silent, without a second session while the first one hangs', async () => {
  let sessions = 0;
  const hanging = Promise.withResolvers<void>();
  const verify = () => {
    sessions += 1;
    return hanging.promise;
  };
  const check = createMailCheck({ verify }, 10);
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await assert.rejects(check(), { code: 'mail_unavailable', status: 503 });
  }
  assert.equal(sessions, 1);
  hanging.resolve();
});
