import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createAlertWindow } from './query-alerts.ts';

const rule = { windowMs: 1000, minimumCount: 10, p95Ms: 100, errorRate: 0.1 };

describe('the alert window', () => {
  test('tells of a slow window at the first run after its end, and only of that window', () => {
    const window = createAlertWindow('notes.list', rule);
    for (let run = 0; run < 20; run += 1) assert.equal(window.add(run, 200, false), undefined);
    const alert = window.add(1000, 1, false);
    assert.deepEqual(alert?.reasons, ['p95']);
    assert.equal(alert?.count, 20);
    for (let run = 1; run < 20; run += 1) window.add(1000 + run, 1, false);
    assert.equal(window.add(2000, 1, false), undefined, 'the next window was quick');
  });

  test('tells of failures by their share', () => {
    const window = createAlertWindow('notes.list', rule);
    for (let run = 0; run < 20; run += 1) window.add(run, 1, run % 5 === 0);
    const alert = window.add(1500, 1, false);
    assert.deepEqual([alert?.reasons, alert?.errorRate, alert?.windowMs], [['errorRate'], 0.2, 1000]);
  });

  test('says nothing of a few runs', () => {
    const window = createAlertWindow('notes.list', rule);
    for (let run = 0; run < 9; run += 1) window.add(run, 5000, true);
    assert.equal(window.add(1000, 1, false), undefined);
  });
});
