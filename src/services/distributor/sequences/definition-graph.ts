import type { FieldFault } from '#shared/errors';
import type { Step } from './sequence-types.ts';

type Exit = { readonly name: 'next' | 'yes' | 'no'; readonly to: string | null };

/** Where a step leads: an id, or null for the end. What is left out leads to the step below. */
export function exitsOf(steps: readonly Step[], index: number): Exit[] {
  const step = steps[index];
  const below = steps[index + 1]?.id ?? null;
  if (step === undefined) return [];
  if (step.type === 'branch') {
    return [
      { name: 'yes', to: step.yes === undefined ? below : step.yes },
      { name: 'no', to: step.no === undefined ? below : step.no },
    ];
  }
  return [{ name: 'next', to: step.next === undefined ? below : step.next }];
}

/** Ids that are there twice or lead nowhere, ways that come back, steps that nobody comes to, and branches on what was not sent yet. */
export function graphFaults(steps: readonly Step[]): FieldFault[] {
  const indexes = new Map<string, number>();
  const faults: FieldFault[] = [];
  for (const [index, { id }] of steps.entries()) {
    if (indexes.has(id)) faults.push({ path: `/steps/${index}/id`, message: 'is the id of another step' });
    else indexes.set(id, index);
  }
  for (const index of steps.keys()) {
    for (const { name, to } of exitsOf(steps, index)) {
      if (to !== null && !indexes.has(to)) faults.push({ path: `/steps/${index}/${name}`, message: 'is not the id of a step' });
    }
  }
  if (faults.length > 0) return faults;
  const following = steps.map((_, index) => exitsOf(steps, index).flatMap(({ to }) => (to === null ? [] : [indexes.get(to) ?? 0])));
  const { cycle, order } = walk(following);
  if (cycle !== undefined) return [{ path: `/steps/${cycle}`, message: 'leads back to a step before it: a sequence has an end' }];
  const reached = new Set(order);
  for (const index of steps.keys()) {
    if (!reached.has(index)) faults.push({ path: `/steps/${index}`, message: 'is never reached' });
  }
  return [...faults, ...branchFaults(steps, indexes, following, order)];
}

/** Depth first from the first step; `order`: every reached step before those that it leads to. */
function walk(following: readonly (readonly number[])[]): { readonly cycle?: number; readonly order: readonly number[] } {
  const state = new Map<number, 'open' | 'done'>();
  const order: number[] = [];
  let cycle: number | undefined;
  const visit = (index: number): void => {
    state.set(index, 'open');
    for (const next of following[index] ?? []) {
      if (state.get(next) === 'open') cycle ??= index;
      else if (!state.has(next)) visit(next);
    }
    state.set(index, 'done');
    order.unshift(index);
  };
  if (following.length > 0) visit(0);
  return cycle === undefined ? { order } : { cycle, order };
}

/** On every way to the branch the mail must have been sent, else nobody could have opened it. */
function branchFaults(
  steps: readonly Step[],
  indexes: ReadonlyMap<string, number>,
  following: readonly (readonly number[])[],
  order: readonly number[],
): FieldFault[] {
  const sentBefore = new Map<number, ReadonlySet<string>>();
  for (const index of order) {
    const step = steps[index];
    const before = sentBefore.get(index) ?? new Set<string>();
    const after = step?.type === 'send' ? new Set([...before, step.id]) : before;
    for (const next of following[index] ?? []) {
      const known = sentBefore.get(next);
      sentBefore.set(next, known === undefined ? after : new Set([...known].filter((id) => after.has(id))));
    }
  }
  return order.flatMap((index) => {
    const step = steps[index];
    if (step?.type !== 'branch' || (step.if.type !== 'opened' && step.if.type !== 'clicked')) return [];
    const path = `/steps/${index}/if/step`;
    const mail = steps[indexes.get(step.if.step) ?? -1];
    if (mail?.type !== 'send') return [{ path, message: 'is not the id of a step that sends' }];
    if (!(sentBefore.get(index)?.has(mail.id) ?? false)) return [{ path, message: 'is not sent on every way to here' }];
    if ((mail.tracking ?? 'individual') !== 'individual')
      return [{ path, message: 'is a mail whose readers are not known: its tracking is not individual' }];
    return [];
  });
}
