import { recordAudit } from '#platform/audit';
import { sql, type Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { AppError, conflict, type FieldFault, invalid } from '#shared/errors';
import { advanceSequencesJob } from '../distributor-jobs.ts';
import type { Audience } from '../distributor-types.ts';
import { definitionFaults, segmentsOf } from './check-definition.ts';
import { shapeFaults } from './definition-schema.ts';
import { endEnrolments, enrol } from './enrolment-store.ts';
import { forgetMembers, seedMembers } from './segment-members.ts';
import {
  activateVersion,
  deleteSequence,
  findVersion,
  getSequence,
  insertSequence,
  isNameTaken,
  lockSequence,
  setSequenceStatus,
  updateSequence,
} from './sequence-store.ts';
import type { Sequence, SequenceDefinition } from './sequence-types.ts';
import { ensureStepIssues, type StepIssueDependencies } from './step-issues.ts';

/*
 *   draft ──activate──▶ active ◀──activate── paused ◀──pause── active       draft, active, paused ──archive──▶ archived
 *
 * A change is written at any time but takes effect when the sequence is activated again: those who are in it keep the version
 * that they began with. Paused, nobody moves on and nobody begins. Archived, everybody has left it.
 */

export type DefinitionInput = { readonly trigger: object; readonly steps: readonly object[] };
export type SkippedReader = { readonly subscriberId: string; readonly reason: string };

export type Sequences = {
  create(sequence: { readonly name: string; readonly definition: DefinitionInput }, actor: string): Promise<Sequence>;
  /** `version`: of the sequence that the change was made on; left out, the last to write wins. */
  change(
    id: string,
    change: { readonly version?: number; readonly name?: string; readonly definition?: DefinitionInput },
    actor: string,
  ): Promise<Sequence>;
  /** Of one that was never activated only. */
  remove(id: string, actor: string): Promise<void>;
  /** @throws AppError with the fault of a mail that cannot be made */
  activate(id: string, actor: string): Promise<Sequence>;
  pause(id: string, actor: string): Promise<Sequence>;
  archive(id: string, actor: string): Promise<Sequence>;
  /** By hand. Says why somebody was not enrolled. */
  enrolByHand(
    id: string,
    subscriberIds: readonly string[],
    actor: string,
  ): Promise<{ readonly enrolled: readonly string[]; readonly skipped: readonly SkippedReader[] }>;
};

export type SequenceDependencies = Pick<ServiceDependencies, 'jobs'> &
  StepIssueDependencies & { readonly subscribers: Pick<Audience, 'findRecipients' | 'hasSegment' | 'enqueueAudience'> };

export function createSequences(dependencies: SequenceDependencies): Sequences {
  const { database, jobs, clock, subscribers, templateIdOf } = dependencies;

  const record = (tx: Transaction, actor: string, action: string, id: string, details: object = {}) =>
    recordAudit(tx, { id: clock.newId(), at: clock.now(), actor, action: `sequence.${action}`, subject: `sequence:${id}`, details });

  /** @throws AppError `invalid_request` that names each faulty field */
  async function check(input: DefinitionInput): Promise<SequenceDefinition> {
    const shape = shapeFaults(input);
    if (shape.length > 0) throw definitionInvalid(shape);
    const definition = input as SequenceDefinition;
    const faults = definitionFaults(definition);
    for (const { path, id } of segmentsOf(definition)) {
      if (!(await subscribers.hasSegment(id))) faults.push({ path, message: 'is not the id of a segment' });
    }
    for (const [index, step] of definition.steps.entries()) {
      if (step.type !== 'send' || step.template === undefined) continue;
      try {
        await templateIdOf(step.template);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'invalid_request') throw error;
        faults.push(...error.fields.map(({ message }) => ({ path: `/steps/${index}/template`, message })));
      }
    }
    if (faults.length > 0) throw definitionInvalid(faults);
    return definition;
  }

  function changeStatus(id: string, actor: string, action: string, from: readonly Sequence['status'][], to: Sequence['status']) {
    return database.transaction(async (tx) => {
      const sequence = await lockSequence(tx, id);
      if (sequence.status === to) return sequence;
      if (!from.includes(sequence.status)) throw wrongStatus(sequence, action);
      const details = to === 'archived' ? { left: await endEnrolments(tx, id, 'archived', clock.now()) } : {};
      await record(tx, actor, action, id, details);
      return setSequenceStatus(tx, id, to, clock.now());
    });
  }

  return {
    async create({ name, definition: given }, actor) {
      const definition = await check(given);
      return database.transaction(async (tx) => {
        const sequence = await insertSequence(tx, { id: clock.newId(), name, definition, createdBy: actor, createdAt: clock.now() });
        if (sequence === undefined) throw nameTaken();
        await record(tx, actor, 'created', sequence.id);
        return sequence;
      });
    },

    async change(id, { version, name, definition: given }, actor) {
      const definition = given === undefined ? undefined : await check(given);
      return database.transaction(async (tx) => {
        const current = await lockSequence(tx, id);
        if (current.status === 'archived') throw wrongStatus(current, 'changed');
        if (version !== undefined && version !== current.version) {
          throw conflict('sequence_changed', `The sequence was changed meanwhile: it is at version ${current.version}, not ${version}.`);
        }
        if (name !== undefined && (await isNameTaken(tx, name, id))) throw nameTaken();
        await record(tx, actor, 'changed', id, {
          fields: [...(name === undefined ? [] : ['name']), ...(given === undefined ? [] : ['definition'])],
        });
        return updateSequence(tx, id, { name: name ?? current.name, definition: definition ?? current.definition }, clock.now());
      });
    },

    async remove(id, actor) {
      await database.transaction(async (tx) => {
        const sequence = await lockSequence(tx, id);
        if (sequence.activeVersion > 0) {
          throw conflict('sequence_used', 'The sequence was activated before: it can be archived, not deleted.');
        }
        await deleteSequence(tx, id);
        await record(tx, actor, 'deleted', id, { name: sequence.name });
      });
    },

    async activate(id, actor) {
      const checked = await getSequence(database, id);
      if (checked.status === 'archived') throw wrongStatus(checked, 'activated');
      const { version, definition } = checked;
      // Segments and templates may be gone since it was written.
      await check(definition);
      await ensureStepIssues(dependencies, { sequenceId: id, version, definition, run: 1 });
      return database.transaction(async (tx) => {
        const sequence = await lockSequence(tx, id);
        if (sequence.status === 'archived') throw wrongStatus(sequence, 'activated');
        if (sequence.version !== version) {
          throw conflict('sequence_changed', 'The sequence was changed while its mails were made; look at it and try again.');
        }
        if (sequence.status === 'active' && sequence.activeVersion === version) return sequence;
        const before = sequence.activeVersion === 0 ? undefined : await findVersion(tx, id, sequence.activeVersion);
        await record(tx, actor, 'activated', id, { version });
        const active = await activateVersion(tx, sequence, clock.now());
        await startWatching(tx, id, definition, before);
        await jobs.send(tx, advanceSequencesJob, {});
        return active;
      });
    },

    pause: (id, actor) => changeStatus(id, actor, 'paused', ['active'], 'paused'),
    archive: (id, actor) => changeStatus(id, actor, 'archived', ['draft', 'active', 'paused'], 'archived'),

    async enrolByHand(id, subscriberIds, actor) {
      return database.transaction(async (tx) => {
        const sequence = await lockSequence(tx, id);
        if (sequence.status !== 'active') throw wrongStatus(sequence, 'entered');
        const { activeVersion: version } = sequence;
        const ids = [...new Set(subscriberIds)];
        const found = new Map((await subscribers.findRecipients(tx, ids)).map((recipient) => [recipient.id, recipient]));
        const skipped: SkippedReader[] = [];
        const reachable = ids.filter((subscriberId) => {
          const reader = found.get(subscriberId);
          const reason = reader === undefined ? 'is not known' : reader.obstacle === 'paused' ? null : reader.obstacle;
          if (reason !== null) skipped.push({ subscriberId, reason });
          return reason === null;
        });
        const definition = await findVersion(tx, id, version);
        const enrolled = await enrol(tx, { id, version, definition }, reachable, clock.now());
        for (const subscriberId of reachable) {
          if (!enrolled.includes(subscriberId))
            skipped.push({ subscriberId, reason: 'is in the sequence, or was and may not begin again' });
        }
        await record(tx, actor, 'enrolled', id, { enrolled: enrolled.length });
        if (enrolled.length > 0) await jobs.send(tx, advanceSequencesJob, {});
        return { enrolled, skipped };
      });
    },
  };

  /** Who is in the segment now has not joined it, unless the sequence takes them too. */
  async function startWatching(
    tx: Transaction,
    id: string,
    { trigger }: SequenceDefinition,
    before: SequenceDefinition | undefined,
  ): Promise<void> {
    const watched = before?.trigger.type === 'segment' ? before.trigger.segmentId : undefined;
    if (trigger.type !== 'segment' || trigger.segmentId === watched) return;
    await forgetMembers(tx, id);
    if (trigger.includeExisting === true) return;
    await subscribers.enqueueAudience(tx, { segmentId: trigger.segmentId, insertFrom: (audience) => seedMembers(id, sql`${audience}`) });
  }
}

const nameTaken = () => invalid('Another sequence has this name.', [{ path: '/name', message: 'is taken' }]);

function wrongStatus({ status }: Sequence, action: string): AppError {
  return conflict(`sequence_${status}`, `The sequence is ${status}: it cannot be ${action}.`);
}

function definitionInvalid(faults: readonly FieldFault[]): AppError {
  const fields = faults.slice(0, 50).map(({ path, message }) => ({ path: `/definition${path}`, message }));
  const summary = fields
    .slice(0, 5)
    .map(({ path, message }) => `${path} ${message}`)
    .join('; ');
  return invalid(`The sequence is not valid: ${summary}.`, fields);
}
