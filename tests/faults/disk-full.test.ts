import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createWorkplace, runCommand, startEngine, type Workplace } from '../support/engine.ts';
import { assertComplete } from '../support/pipeline.ts';
import { findPostmaster } from '../support/processes.ts';
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { waitFor } from '../support/wait-for.ts';

const probe = mountSmallDisk(1);
probe?.remove();
// A new cluster takes about 40 MB, the sample run as much again.
const tooSmallForCluster = 20;
const tooSmallForRun = 58;
const enough = 1000;

describe('a full disk', { skip: probe === undefined && 'this user may not mount a small disk' }, () => {
  let place: Workplace;
  let workplace: Workplace;
  let disk: SmallDisk;

  beforeEach(async () => {
    place = await createWorkplace();
  });
  afterEach(() => {
    disk.remove();
    place.remove();
  });
  function mountDisk(megabytes: number): void {
    const mounted = mountSmallDisk(megabytes);
    assert.ok(mounted);
    disk = mounted;
    workplace = { ...place, dataDir: disk.folder };
  }

  test('at the first start: says so, leaves nothing half made, and starts when there is space', async () => {
    mountDisk(tooSmallForCluster);
    const failed = startEngine(workplace, { SAMPLE: 'off' });
    assert.equal(await failed.exited, 1, failed.output());
    assert.match(failed.output(), /could not be made .* There are only \d+ MB left on the disk of .*: make room and start again\./);
    assert.deepEqual(
      readdirSync(disk.folder).filter((name) => name.startsWith('postgres') && name !== 'postgres-password'),
      [],
    );

    disk.resize(enough);
    const engine = startEngine(workplace, { SAMPLE: 'off' });
    await engine.ready;
    assert.equal(await engine.stop(), 0);

    // The next start finds no byte left.
    disk.fill();
    const refused = await runCommand(workplace, ['migrate']);
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(refused.stderr, /There are only 0 MB left on the disk of .*: make room and start again\.|no space left/);
    assert.equal(findPostmaster(disk.folder), undefined);
    disk.free();
    assert.equal((await runCommand(workplace, ['migrate'])).code, 0);
  });

  test('in the middle of the pipeline: says so, answers 503, and goes on by itself when there is space', async () => {
    mountDisk(tooSmallForRun);
    const engine = startEngine(workplace);
    try {
      await waitFor('the disk to be full', () => /There are only \d+ MB left/.test(engine.output()));
      const page = await fetch(`${engine.baseUrl}/`);
      assert.equal(page.status, 503);
      assert.ok(Number(page.headers.get('retry-after')) >= 1);
      assert.equal((await fetch(`${engine.baseUrl}/health/live`)).status, 200);
      disk.resize(enough);
      await engine.ready;
      await assertComplete(workplace, engine);
      assert.equal((await fetch(`${engine.baseUrl}/`)).status, 200);
    } finally {
      await engine.stop();
    }
  });
});
