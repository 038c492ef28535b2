import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorkplace, type Engine, startEngine, type Workplace } from '../support/engine.ts';
import { findPostmaster } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

describe('PostgreSQL is killed while the engine runs', () => {
  let workplace: Workplace;
  let engine: Engine;
  let apiKey: string;
  before(async () => {
    workplace = await createWorkplace();
    engine = startEngine(workplace, { SAMPLE: 'off' });
    ({ apiKey = '' } = await engine.ready);
  });
  after(async () => {
    await engine.stop();
    workplace.remove();
  });
  const request = (path: string) => fetch(`${engine.baseUrl}${path}`, { headers: { authorization: `Bearer ${apiKey}` } });

  test('requests answer 503 with Retry-After, the process stays alive, and it recovers by itself', async () => {
    assert.equal((await request('/api/v1/content')).status, 200);
    const first = findPostmaster(workplace.dataDir);
    assert.ok(first);
    // Stopped first, so that the supervisor cannot bring it back before the outage was seen.
    process.kill(first.pid, 'SIGSTOP');
    process.kill(first.pid, 'SIGKILL');
    const seen = await waitFor('an answer during the outage', async () => {
      const response = await request('/api/v1/content');
      return response.status === 503 && response;
    }).catch(() => undefined);
    if (seen !== undefined) {
      assert.ok(Number(seen.headers.get('retry-after')) >= 1);
      assert.match(String(seen.headers.get('content-type')), /^application\/problem\+json/);
      assert.equal((await seen.json()).code, 'database_unavailable');
    }
    assert.equal((await request('/health/live')).status, 200);
    await waitFor('the recovery', async () => (await request('/api/v1/content')).status === 200);
    assert.notEqual(findPostmaster(workplace.dataDir)?.pid, first.pid);
    assert.equal((await request('/health/ready')).status, 200);
  });
});
