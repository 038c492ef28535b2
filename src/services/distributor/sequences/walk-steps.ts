import { Cron } from 'croner';
import type { Recipient } from '../distributor-types.ts';
import { isTimeZone, waitMinutesOf } from './check-definition.ts';
import { exitsOf } from './definition-graph.ts';
import type { Condition, SequenceDefinition, WaitStep } from './sequence-types.ts';

/** What is known of a reader at this moment. */
export type ReaderState = {
  /** Undefined: gone. */
  readonly recipient: Recipient | undefined;
  /** Whether the reader opened or clicked the mail of a step. */
  readonly hasEngaged: (kind: 'opened' | 'clicked', stepId: string) => boolean;
};

/** What is to be done, and where the reader stands afterwards. */
export type Walk = {
  readonly done: readonly { readonly stepId: string; readonly outcome: string }[];
  readonly sends: readonly string[];
  readonly addTags: readonly string[];
  readonly removeTags: readonly string[];
  readonly status: 'active' | 'completed' | 'exited';
  readonly stepId: string | null;
  readonly dueAt: Date | null;
  readonly reason: string | null;
};

const dayMs = 24 * 3600_000;

/** From a step on, up to the next wait or the end. Changes nothing by itself. */
export function walkSteps(definition: SequenceDefinition, from: string | null, state: ReaderState, now: Date): Walk {
  const nothing = { done: [], sends: [], addTags: [], removeTags: [] };
  const left = (reason: string): Walk => ({ ...nothing, status: 'exited', stepId: null, dueAt: null, reason });
  const { recipient } = state;
  if (recipient === undefined) return left('gone');
  // Who asked for a pause is still a reader: the sequence waits with them.
  if (recipient.obstacle === 'paused') {
    return { ...nothing, status: 'active', stepId: from, dueAt: new Date(now.getTime() + dayMs), reason: null };
  }
  if (recipient.obstacle !== null) return left(recipient.obstacle);

  const tags = new Set(recipient.tags);
  const indexes = new Map(definition.steps.map(({ id }, index) => [id, index]));
  const done: { stepId: string; outcome: string }[] = [];
  const sends: string[] = [];
  const tell = (status: Walk['status'], stepId: string | null, dueAt: Date | null, reason: string | null): Walk => ({
    done,
    sends,
    addTags: [...tags].filter((tag) => !recipient.tags.includes(tag)),
    removeTags: recipient.tags.filter((tag) => !tags.has(tag)),
    ...{ status, stepId, dueAt, reason },
  });

  let current = from;
  // A definition has no way back, so that it takes no more turns than there are steps.
  for (let turns = 0; current !== null && turns <= definition.steps.length; turns += 1) {
    const reason = exitReasonOf(definition, tags, recipient);
    if (reason !== undefined) return tell('exited', null, null, reason);
    const index: number = indexes.get(current) ?? -1;
    const step = definition.steps[index];
    if (step === undefined) return tell('exited', null, null, 'the step is gone');
    const [first, second] = exitsOf(definition.steps, index);
    let next = first?.to ?? null;
    switch (step.type) {
      case 'send':
        sends.push(step.id);
        done.push({ stepId: step.id, outcome: 'sent' });
        break;
      case 'tag':
        for (const tag of step.remove ?? []) tags.delete(tag);
        for (const tag of step.add ?? []) tags.add(tag);
        done.push({ stepId: step.id, outcome: 'tagged' });
        break;
      case 'branch': {
        const isMet = isConditionMet(step.if, tags, state, recipient);
        if (!isMet) next = second?.to ?? null;
        done.push({ stepId: step.id, outcome: isMet ? 'yes' : 'no' });
        break;
      }
      case 'wait':
        done.push({ stepId: step.id, outcome: 'waited' });
        return tell('active', next, waitEnd(step, definition, recipient, now), null);
    }
    current = next;
  }
  return tell('completed', null, null, null);
}

function exitReasonOf({ exit }: SequenceDefinition, tags: ReadonlySet<string>, recipient: Recipient): string | undefined {
  const tag = exit?.tags?.find((name) => tags.has(name));
  if (tag !== undefined) return `tag ${tag}`;
  const segment = exit?.segmentIds?.find((id) => recipient.segments.includes(id));
  return segment === undefined ? undefined : `segment ${segment}`;
}

function isConditionMet(condition: Condition, tags: ReadonlySet<string>, state: ReaderState, recipient: Recipient): boolean {
  switch (condition.type) {
    case 'opened':
    case 'clicked':
      return state.hasEngaged(condition.type, condition.step);
    case 'tag':
      return tags.has(condition.tag);
    case 'segment':
      return recipient.segments.includes(condition.segmentId);
    case 'field':
      return isFieldMet(condition, recipient);
  }
}

const ownFields = ['language', 'country', 'timezone', 'format'] as const;

/** A field that is not there differs from every value, and is neither above nor below one. Dates are texts of ISO 8601, and compare as such. */
function isFieldMet({ field, operator, value }: Extract<Condition, { type: 'field' }>, recipient: Recipient): boolean {
  const own = ownFields.find((name) => name === field);
  const given = own === undefined ? (Object.hasOwn(recipient.customFields, field) ? recipient.customFields[field] : null) : recipient[own];
  const isThere = given !== null && given !== undefined && given !== '';
  switch (operator) {
    case 'exists':
      return isThere;
    case 'is':
      return given === value;
    case 'is_not':
      return given !== value;
    case 'above':
    case 'below': {
      const isComparable =
        (typeof given === 'number' && typeof value === 'number') || (typeof given === 'string' && typeof value === 'string');
      if (!isThere || value === undefined || !isComparable) return false;
      return operator === 'above' ? given > value : given < value;
    }
  }
}

/** When a wait that begins now is over. */
export function waitEnd(step: WaitStep, definition: SequenceDefinition, recipient: Pick<Recipient, 'timezone'>, now: Date): Date {
  const end = new Date(now.getTime() + waitMinutesOf(step) * 60_000);
  if (step.untilHour === undefined) return end;
  const own = recipient.timezone;
  const timezone = own !== null && isTimeZone(own) ? own : (definition.timezone ?? 'UTC');
  // The next one is after the given time; an end on the hour itself is late enough.
  return new Cron(`0 ${step.untilHour} * * *`, { timezone }).nextRun(new Date(end.getTime() - 1)) ?? end;
}
