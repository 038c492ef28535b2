import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorkplace, type Engine, startEngine, type Workplace } from '../support/engine.ts';
import { assertComplete, phases } from '../support/pipeline.ts';
import { findPostmaster, findRoleProcess, listDescendants } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

describe('kill -9', () => {
  for (const [phase, isReached] of Object.entries(phases)) {
    describe(`of the worker in the phase ${phase}`, () => {
      let workplace: Workplace;
      let engine: Engine;
      before(async () => {
        workplace = await createWorkplace();
        engine = startEngine(workplace);
      });
      after(async () => {
        await engine.stop();
        workplace.remove();
      });
      test('the pipeline completes, nothing twice, nothing lost', async () => {
        await waitFor(`the phase ${phase}`, () => isReached(workplace));
        process.kill(findRoleProcess(engine.child.pid ?? 0, 'web-scraper').pid, 'SIGKILL');
        await engine.ready;
        await assertComplete(workplace, engine);
      });
    });
  }

  describe('of the API and of the mailbox while mails are sent', () => {
    let workplace: Workplace;
    let engine: Engine;
    before(async () => {
      workplace = await createWorkplace();
      engine = startEngine(workplace);
    });
    after(async () => {
      await engine.stop();
      workplace.remove();
    });
    test('both come back on their ports, and the pipeline completes', async () => {
      await waitFor('the phase send', () => phases.send(workplace));
      const killed = ['api', 'mailbox'].map((role) => findRoleProcess(engine.child.pid ?? 0, role).pid);
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      await engine.ready;
      await assertComplete(workplace, engine);
      await waitFor('the site', () =>
        fetch(`${engine.baseUrl}/health/ready`).then(
          async (response) => response.status === 200 && /"mail":\{"status":"up"/.test(await response.text()),
          () => false,
        ),
      );
      for (const role of ['api', 'mailbox']) assert.ok(!killed.includes(findRoleProcess(engine.child.pid ?? 0, role).pid));
    });
  });

  describe('of the whole process tree while mails are sent', () => {
    let workplace: Workplace;
    let engine: Engine;
    before(async () => {
      workplace = await createWorkplace();
      engine = startEngine(workplace);
    });
    after(async () => {
      await engine.stop();
      workplace.remove();
    });
    test('the next start completes the pipeline, nothing twice, nothing lost', async () => {
      await waitFor('the phase send', () => phases.send(workplace));
      const enginePid = engine.child.pid ?? 0;
      const postmaster = findPostmaster(workplace.dataDir);
      for (const { pid } of [...listDescendants(enginePid), ...(postmaster === undefined ? [] : [postmaster])])
        process.kill(pid, 'SIGKILL');
      process.kill(enginePid, 'SIGKILL');
      await engine.exited;
      engine = startEngine(workplace);
      await engine.ready;
      await assertComplete(workplace, engine);
    });
  });

  describe('of the engine only, while its database lives on', () => {
    let workplace: Workplace;
    let engine: Engine;
    before(async () => {
      workplace = await createWorkplace();
      engine = startEngine(workplace);
    });
    after(async () => {
      await engine.stop();
      workplace.remove();
    });
    test('the next start takes the database over and completes the pipeline', async () => {
      await waitFor('the phase draft', () => phases.draft(workplace));
      const postmaster = findPostmaster(workplace.dataDir);
      process.kill(engine.child.pid ?? 0, 'SIGKILL');
      await engine.exited;
      engine = startEngine(workplace);
      await engine.ready;
      assert.equal(findPostmaster(workplace.dataDir)?.pid, postmaster?.pid);
      await assertComplete(workplace, engine);
    });
  });
});
