import type { Transaction } from '#platform/database';
import type { StoredEvent } from '#platform/events';
import type { ServiceDependencies } from '#platform/service';
import { advanceSequencesJob } from '../distributor-jobs.ts';
import type { Audience } from '../distributor-types.ts';
import { enrol } from './enrolment-store.ts';
import { enrolNewMembers, forgetLeavers } from './segment-members.ts';
import { listActiveSequences, lockSequence } from './sequence-store.ts';
import type { Trigger } from './sequence-types.ts';

type Dependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock'> & {
  readonly subscribers: Pick<Audience, 'enqueueAudience' | 'findForm'>;
};

/** Events of the subscriber-manager by which readers come into sequences. */
export const enrollingEvents = ['subscriber.confirmed', 'subscriber.changed'] as const;
type Payload = { readonly subscriberId: string; readonly tagsAdded?: readonly string[] };

/** Handled twice, it changes nothing: nobody is in a sequence twice. */
export async function enrolByEvent({ jobs, clock, subscribers }: Dependencies, event: StoredEvent, tx: Transaction): Promise<void> {
  const { subscriberId, tagsAdded = [] } = event.payload as Payload;
  const isConfirmed = event.type === 'subscriber.confirmed';
  const sequences = await listActiveSequences(tx, isConfirmed ? ['confirmed', 'form'] : ['tag']);
  if (sequences.length === 0) return;
  const isAboutForms = sequences.some(({ definition: { trigger } }) => trigger.type === 'form');
  const form = isConfirmed && isAboutForms ? await subscribers.findForm(tx, subscriberId) : null;
  const isMeant = (trigger: Trigger) =>
    trigger.type === 'confirmed' ||
    (trigger.type === 'form' && trigger.form === form) ||
    (trigger.type === 'tag' && tagsAdded.includes(trigger.tag));
  let enrolled = 0;
  for (const sequence of sequences) {
    if (isMeant(sequence.definition.trigger)) enrolled += (await enrol(tx, sequence, [subscriberId], clock.now())).length;
  }
  if (enrolled > 0) await jobs.send(tx, advanceSequencesJob, {});
}

/** Enrols those who came to belong to a segment since the last look. */
export async function enrolFromSegments({ database, jobs, clock, subscribers }: Dependencies, signal: AbortSignal): Promise<void> {
  for (const sequence of await listActiveSequences(database, ['segment'])) {
    const { trigger } = sequence.definition;
    if (signal.aborted || trigger.type !== 'segment') return;
    const { segmentId } = trigger;
    await database.transaction(async (tx) => {
      // Holds the sequence still, and another look out.
      const current = await lockSequence(tx, sequence.id);
      if (current.status !== 'active' || current.activeVersion !== sequence.version) return;
      await subscribers.enqueueAudience(tx, { segmentId, insertFrom: (audience) => forgetLeavers(sequence.id, audience) });
      const enrolled = await subscribers.enqueueAudience(tx, {
        segmentId,
        insertFrom: (audience) => enrolNewMembers(sequence, audience, clock.now()),
      });
      if (enrolled > 0) await jobs.send(tx, advanceSequencesJob, {});
    });
  }
}
