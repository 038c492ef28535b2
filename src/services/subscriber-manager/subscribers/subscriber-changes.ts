import type { Subscriber } from './subscriber-types.ts';

/** What differs between two states of a subscriber: names, tags and topics, no personal values. */
export type SubscriberChanges = {
  readonly tagsAdded: readonly string[];
  readonly tagsRemoved: readonly string[];
  readonly topicsAdded: readonly string[];
  readonly topicsRemoved: readonly string[];
  /** `name`, `country`, `customFields.<name>`, … */
  readonly fields: readonly string[];
};

const plainFields = ['name', 'country', 'language', 'timezone', 'frequency', 'format', 'sendHour'] as const;

const without = (list: readonly string[], other: readonly string[]) => list.filter((item) => !other.includes(item));

/** Undefined when nothing differs. */
export function findChanges(before: Subscriber, after: Subscriber): SubscriberChanges | undefined {
  const names = new Set([...Object.keys(before.customFields), ...Object.keys(after.customFields)]);
  const changes = {
    tagsAdded: without(after.tags, before.tags),
    tagsRemoved: without(before.tags, after.tags),
    topicsAdded: without(after.topics, before.topics),
    topicsRemoved: without(before.topics, after.topics),
    fields: [
      ...plainFields.filter((field) => before[field] !== after[field]),
      ...(before.pausedUntil?.getTime() === after.pausedUntil?.getTime() ? [] : ['pausedUntil']),
      ...[...names].filter((name) => before.customFields[name] !== after.customFields[name]).map((name) => `customFields.${name}`),
    ],
  };
  return Object.values(changes).some((list) => list.length > 0) ? changes : undefined;
}
