import type { FieldFault } from '#shared/errors';
import { lineFaults, textFaults } from '../campaigns/drafts/draft-fields.ts';
import { graphFaults } from './definition-graph.ts';
import type { Condition, SequenceDefinition, Step } from './sequence-types.ts';

export const maxSteps = 50;
const maxWaitMinutes = 366 * 24 * 60;

/** Everything that a definition shows by itself, each fault with its path. The shape has been checked before. */
export function definitionFaults(definition: SequenceDefinition): FieldFault[] {
  const { steps, timezone } = definition;
  return [
    ...(timezone === undefined || isTimeZone(timezone) ? [] : [{ path: '/timezone', message: 'must be a time zone such as Europe/Sofia' }]),
    ...steps.flatMap((step, index) => stepFaults(step, `/steps/${index}`)),
    ...(steps.some(({ type }) => type === 'send') ? [] : [{ path: '/steps', message: 'must send at least one mail' }]),
    ...graphFaults(steps),
  ];
}

export function isTimeZone(name: string): boolean {
  try {
    // Offsets such as +02:00 are taken too, and are no zones that PostgreSQL knows by that name.
    return /^[A-Z]/i.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function stepFaults(step: Step, path: string): FieldFault[] {
  switch (step.type) {
    case 'send':
      return [
        ...lineFaults(`${path}/subject`, step.subject),
        ...(step.preheader === undefined || step.preheader === '' ? [] : lineFaults(`${path}/preheader`, step.preheader)),
        ...textFaults(`${path}/body`, step.body ?? ''),
        ...((step.body ?? '').trim() === '' && (step.articleIds ?? []).length === 0
          ? [{ path: `${path}/body`, message: 'must be written where there are no articles' }]
          : []),
      ];
    case 'wait': {
      const minutes = waitMinutesOf(step);
      if (minutes === 0 && step.untilHour === undefined) return [{ path, message: 'must wait for some time, or until an hour' }];
      return minutes > maxWaitMinutes ? [{ path, message: 'must not wait for more than a year' }] : [];
    }
    case 'branch':
      return conditionFaults(step.if, `${path}/if`);
    case 'tag': {
      const tags = [...(step.add ?? []), ...(step.remove ?? [])];
      return tags.length === 0 ? [{ path, message: 'must add or remove a tag' }] : [];
    }
  }
}

function conditionFaults(condition: Condition, path: string): FieldFault[] {
  if (condition.type !== 'field') return [];
  const { operator, value } = condition;
  if (operator === 'exists') return value === undefined ? [] : [{ path: `${path}/value`, message: 'must be left out for exists' }];
  if (value === undefined) return [{ path: `${path}/value`, message: 'is required' }];
  const isOrdered = operator === 'above' || operator === 'below';
  return isOrdered && typeof value === 'boolean' ? [{ path: `${path}/value`, message: `must be a number or a date for ${operator}` }] : [];
}

export function waitMinutesOf(step: { readonly days?: number; readonly hours?: number; readonly minutes?: number }): number {
  return ((step.days ?? 0) * 24 + (step.hours ?? 0)) * 60 + (step.minutes ?? 0);
}

/** Segments that a definition names, with where. */
export function segmentsOf({ trigger, exit, steps }: SequenceDefinition): { readonly path: string; readonly id: string }[] {
  return [
    ...(trigger.type === 'segment' ? [{ path: '/trigger/segmentId', id: trigger.segmentId }] : []),
    ...(exit?.segmentIds ?? []).map((id, index) => ({ path: `/exit/segmentIds/${index}`, id })),
    ...steps.flatMap((step, index) =>
      step.type === 'branch' && step.if.type === 'segment' ? [{ path: `/steps/${index}/if/segmentId`, id: step.if.segmentId }] : [],
    ),
  ];
}
