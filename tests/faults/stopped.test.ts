import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorkplace, type Engine, startEngine, type Workplace } from '../support/engine.ts';
import { findPostmaster, listDescendants, listProcesses } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

/** Everything of this engine: the processes below it and its database server, which stands beside them. */
function listEngineProcesses(workplace: Workplace, engine: Engine): number[] {
  const server = findPostmaster(workplace.dataDir);
  const backends = server === undefined ? [] : [server, ...listDescendants(server.pid)];
  return [...listDescendants(engine.child.pid ?? 0), ...backends].map(({ pid }) => pid);
}

const areGone = (pids: readonly number[]) => !listProcesses().some(({ pid }) => pids.includes(pid));

function assertLeftInOrder(engine: Engine): void {
  assert.match(engine.output(), /Stopped\.\s*$/);
  assert.doesNotMatch(engine.output(), /^\s+at .*:\d+:\d+\)?$/m, 'no stack trace');
  assert.doesNotMatch(engine.output(), /"level":(50|60)/, 'nothing that is logged as an error');
}

/** What the engine has printed when a phase of the first start has begun. */
const phases: readonly (readonly [name: string, begun: RegExp, signal: NodeJS.Signals])[] = [
  ['the database is made', /AquaScene Content Engine/, 'SIGTERM'],
  ['the schema is made', /✓ Starting the embedded database/, 'SIGINT'],
  ['the processes are started', /✓ Bringing the schema/, 'SIGHUP'],
  ['the sample run has begun', /✓ Starting the processes/, 'SIGINT'],
  ['pages are gathered', /Gathering the sample web: [1-9]|✓ Gathering/, 'SIGTERM'],
];

describe('a first start that is told to stop', () => {
  let workplace: Workplace;
  let engine: Engine;
  before(async () => {
    workplace = await createWorkplace();
  });
  after(() => workplace.remove());

  for (const [name, begun, signal] of phases) {
    test(`${signal} while ${name}: everything ends in order, and the next start goes on`, async () => {
      engine = startEngine(workplace);
      await waitFor(name, () => begun.test(engine.output()));
      const pids = listEngineProcesses(workplace, engine);
      engine.child.kill(signal);
      assert.equal(await engine.exited, 0, engine.output());
      assertLeftInOrder(engine);
      await waitFor('the end of every process', () => areGone(pids));
      assert.equal(findPostmaster(workplace.dataDir), undefined);
    });
  }
});

describe('a running engine', () => {
  let workplace: Workplace;
  let engine: Engine;
  before(async () => {
    workplace = await createWorkplace();
  });
  after(async () => {
    engine.child.kill('SIGKILL');
    await engine.exited;
    workplace.remove();
  });

  test('a second Ctrl-C ends everything at once', async () => {
    engine = startEngine(workplace, { SAMPLE: 'off' });
    await engine.ready;
    const pids = listEngineProcesses(workplace, engine);
    assert.ok(pids.length > 5);
    engine.child.kill('SIGINT');
    await waitFor('the stop', () => engine.output().includes('Stopping'));
    // It may be over before anyone can press again: then it ended in order.
    const again = setInterval(() => engine.child.kill('SIGINT'), 350);
    const code = await engine.exited;
    clearInterval(again);
    assert.ok(code === 130 || code === 0, String(code));
    await waitFor('the end of every process', () => areGone(pids));
  });

  test('signals that come several times at once, as from a service manager, stop it in order', async () => {
    engine = startEngine(workplace, { SAMPLE: 'off' });
    await engine.ready;
    const pids = listEngineProcesses(workplace, engine);
    const processGroup = -(engine.child.pid ?? 0);
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGHUP', 'SIGINT', 'SIGINT'] as const) process.kill(processGroup, signal);
    assert.equal(await engine.exited, 0, engine.output());
    assertLeftInOrder(engine);
    await waitFor('the end of every process', () => areGone(pids));
  });

  test('its processes end with it when it is killed', async () => {
    engine = startEngine(workplace, { SAMPLE: 'off' });
    await engine.ready;
    const pids = listDescendants(engine.child.pid ?? 0).flatMap(({ pid, command }) => (command.includes('--role') ? [pid] : []));
    assert.equal(pids.length, 3);
    process.kill(engine.child.pid ?? 0, 'SIGKILL');
    await waitFor('the end of every process', () => areGone(pids));
    // The database server waits for the next start, and ends with that.
    engine = startEngine(workplace, { SAMPLE: 'off' });
    await engine.ready;
    await engine.stop();
    assert.equal(findPostmaster(workplace.dataDir), undefined);
  });
});
