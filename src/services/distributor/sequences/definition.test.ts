import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Recipient } from '../distributor-types.ts';
import { definitionFaults } from './check-definition.ts';
import { shapeFaults } from './definition-schema.ts';
import type { SequenceDefinition, Step } from './sequence-types.ts';
import { waitEnd, walkSteps } from './walk-steps.ts';

const send = (id: string, more: object = {}): Step => ({ id, type: 'send', subject: 'Hello', body: 'text', ...more });
const wait = (id: string, more: object = { days: 1 }): Step => ({ id, type: 'wait', ...more });
const sequence = (steps: readonly Step[], more: object = {}): SequenceDefinition => ({ trigger: { type: 'confirmed' }, steps, ...more });
const faultsOf = (steps: readonly Step[], more: object = {}) =>
  definitionFaults(sequence(steps, more)).map(({ path, message }) => `${path} ${message}`);

describe('a definition', () => {
  test('that is sound has no faults', () => {
    const steps: Step[] = [
      send('hello'),
      wait('rest'),
      { id: 'read', type: 'branch', if: { type: 'opened', step: 'hello' }, yes: 'thanks', no: 'again' },
      send('thanks', { next: null }),
      send('again'),
    ];
    assert.deepEqual(shapeFaults(sequence(steps)), []);
    assert.deepEqual(faultsOf(steps), []);
  });

  const faulty: readonly (readonly [what: string, steps: readonly Step[], fault: string, more?: object])[] = [
    ['leads back', [send('a'), wait('b', { days: 1, next: 'a' })], '/steps/1 leads back to a step before it: a sequence has an end'],
    ['leads nowhere', [send('a', { next: 'z' })], '/steps/0/next is not the id of a step'],
    ['has a step twice', [send('a'), send('a')], '/steps/1/id is the id of another step'],
    ['has a step that nobody comes to', [send('a', { next: 'c' }), send('b'), send('c')], '/steps/1 is never reached'],
    ['sends nothing', [wait('a')], '/steps must send at least one mail'],
    ['waits for nothing', [send('a'), wait('b', {})], '/steps/1 must wait for some time, or until an hour'],
    ['has an unknown zone', [send('a')], '/timezone must be a time zone such as Europe/Sofia', { timezone: 'Mars/Base' }],
    ['has a subject with a line break', [send('a', { subject: 'x\r\nBcc: y' })], '/steps/0/subject must not hold control characters'],
    [
      'asks who opened what is sent later',
      [{ id: 'x', type: 'branch', if: { type: 'opened', step: 'a' } }, send('a')],
      '/steps/0/if/step is not sent on every way to here',
    ],
    [
      'asks who opened what only some were sent',
      [
        { id: 'x', type: 'branch', if: { type: 'tag', tag: 't' }, yes: 'a', no: 'y' },
        send('a'),
        { id: 'y', type: 'branch', if: { type: 'clicked', step: 'a' } },
        send('b'),
      ],
      '/steps/2/if/step is not sent on every way to here',
    ],
    [
      'asks who opened what is not tracked by reader',
      [send('a', { tracking: 'off' }), { id: 'x', type: 'branch', if: { type: 'opened', step: 'a' } }, send('b')],
      '/steps/1/if/step is a mail whose readers are not known: its tracking is not individual',
    ],
  ];
  for (const [what, steps, fault, more] of faulty) {
    test(`that ${what} is refused`, () => {
      assert.ok(faultsOf(steps, more).includes(fault), JSON.stringify(faultsOf(steps, more)));
    });
  }

  test('of a wrong shape is refused, field by field', () => {
    const paths = shapeFaults({
      trigger: { type: 'segment' },
      steps: [
        { id: 'a', type: 'send', html: 'x' },
        { id: 'b', type: 'wait', days: -1 },
        { id: 'c', type: 'branch', if: { type: 'field', field: 'x', operator: 'like' } },
        { id: 'd', type: 'jump' },
      ],
    }).map(({ path }) => path);
    for (const path of [
      '/trigger/segmentId',
      '/steps/0/subject',
      '/steps/0/html',
      '/steps/1/days',
      '/steps/2/if/operator',
      '/steps/3/type',
    ]) {
      assert.ok(paths.includes(path), `${path} of ${paths.join(' ')}`);
    }
  });
});

const reader: Recipient = {
  id: 'r',
  email: 'a@example.org',
  name: null,
  language: 'en',
  country: null,
  timezone: 'Europe/Sofia',
  tags: ['new'],
  topics: [],
  customFields: { tanks: 3 },
  format: 'html',
  segments: ['s1'],
  obstacle: null,
};
const state = (changes: object = {}) => ({ recipient: { ...reader, ...changes }, hasEngaged: () => false });
const now = new Date('2027-03-10T10:00:00Z');

describe('a reader', () => {
  test('goes on to the next wait', () => {
    const walk = walkSteps(
      sequence([send('a'), { id: 't', type: 'tag', add: ['met'], remove: ['new'] }, wait('w'), send('b')]),
      'a',
      state(),
      now,
    );
    assert.deepEqual([walk.sends, walk.addTags, walk.removeTags, walk.stepId, walk.status], [['a'], ['met'], ['new'], 'b', 'active']);
    assert.equal(walk.dueAt?.toISOString(), '2027-03-11T10:00:00.000Z');
  });

  test('goes the way that the branch says', () => {
    const wayOf = (condition: object) => {
      const steps = [
        { id: 'x', type: 'branch', if: condition, yes: 'yes', no: 'no' },
        send('yes', { next: null }),
        send('no'),
      ] as unknown as Step[];
      return walkSteps(sequence(steps), 'x', state(), now).sends[0];
    };
    const field = (name: string, operator: string, value?: unknown) => wayOf({ type: 'field', field: name, operator, value });
    assert.equal(wayOf({ type: 'tag', tag: 'new' }), 'yes');
    assert.equal(wayOf({ type: 'segment', segmentId: 's2' }), 'no');
    assert.equal(field('tanks', 'above', 2), 'yes');
    assert.equal(field('tanks', 'below', 3), 'no');
    assert.equal(field('tanks', 'above', '2'), 'no');
    assert.equal(field('language', 'is', 'en'), 'yes');
    assert.equal(field('country', 'exists'), 'no');
    assert.equal(field('country', 'is_not', 'BG'), 'yes');
    assert.equal(field('toString', 'exists'), 'no');
  });

  test('leaves by a tag, a segment, an unsubscription, or because the reader is gone', () => {
    const steps = [send('a')];
    assert.equal(walkSteps(sequence(steps, { exit: { tags: ['new'] } }), 'a', state(), now).reason, 'tag new');
    assert.equal(walkSteps(sequence(steps, { exit: { segmentIds: ['s1'] } }), 'a', state(), now).reason, 'segment s1');
    assert.equal(walkSteps(sequence(steps), 'a', state({ obstacle: 'unsubscribed' }), now).reason, 'unsubscribed');
    assert.equal(walkSteps(sequence(steps), 'a', { recipient: undefined, hasEngaged: () => false }, now).reason, 'gone');
    const given = walkSteps(
      sequence([{ id: 't', type: 'tag', add: ['buyer'] }, send('b')], { exit: { tags: ['buyer'] } }),
      't',
      state(),
      now,
    );
    assert.deepEqual([given.status, given.sends, given.addTags], ['exited', [], ['buyer']], 'also by a tag that a step gave');
  });

  test('who asked for a pause waits with the sequence', () => {
    const walk = walkSteps(sequence([send('a')]), 'a', state({ obstacle: 'paused' }), now);
    assert.deepEqual([walk.status, walk.stepId, walk.sends], ['active', 'a', []]);
  });

  test('is written to at an hour of their own day', () => {
    const endOf = (more: object, timezone: string | null, at: Date) =>
      waitEnd({ id: 'w', type: 'wait', ...more }, sequence([], { timezone: 'Europe/London' }), { timezone }, at).toISOString();
    assert.equal(endOf({ untilHour: 9 }, 'Europe/Sofia', now), '2027-03-11T07:00:00.000Z');
    assert.equal(endOf({ untilHour: 12 }, 'Europe/Sofia', now), '2027-03-10T10:00:00.000Z', 'on the hour is not too late');
    assert.equal(endOf({ days: 1, untilHour: 9 }, null, now), '2027-03-12T09:00:00.000Z');
    assert.equal(endOf({ untilHour: 9 }, 'Not/AZone', now), '2027-03-11T09:00:00.000Z');
    assert.equal(
      endOf({ untilHour: 9 }, 'Europe/Sofia', new Date('2027-03-27T10:00:00Z')),
      '2027-03-28T06:00:00.000Z',
      'after the clocks changed',
    );
  });
});
