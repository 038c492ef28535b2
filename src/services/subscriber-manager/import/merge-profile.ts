import { mergeCustomFields } from '../custom-fields/custom-field-values.ts';
import { maxTags } from '../subscribers/subscriber-fields.ts';
import type { CustomFields, Preferences, Profile } from '../subscribers/subscriber-types.ts';
import type { Candidate, ImportMode } from './import-types.ts';

/** What an import writes of a subscriber. */
export type ImportedProfile = Profile & Preferences & { readonly customFields: CustomFields };

const plain = {
  name: null,
  country: null,
  timezone: null,
  tags: [],
  topics: [],
  frequency: 'all',
  format: 'html',
  sendHour: null,
} as const;

function joinTags(left: readonly string[], right: readonly string[]): readonly string[] {
  return right.every((tag) => left.includes(tag)) ? left : [...new Set([...left, ...right])].slice(0, maxTags);
}

/** What stands after the import, by its mode. `current` is undefined of an address that is new. */
export function mergeProfile(
  candidate: Candidate,
  current: ImportedProfile | undefined,
  { mode, defaultLanguage, tags }: { readonly mode: ImportMode; readonly defaultLanguage: string; readonly tags: readonly string[] },
): ImportedProfile {
  const base: ImportedProfile = current ?? { ...plain, language: defaultLanguage, customFields: {} };
  const isOverwriting = mode === 'overwrite';
  /** Absent: as it was. Empty: as it was too, unless it is to be overwritten. */
  const take = <T>(given: T | null | undefined, before: T, empty: T): T => {
    if (given === undefined) return before;
    return given ?? (isOverwriting ? empty : before);
  };
  const custom = candidate.customFields;
  const filled = custom && (isOverwriting ? custom : Object.fromEntries(Object.entries(custom).filter(([, value]) => value !== null)));
  const ownTags = isOverwriting ? (candidate.tags ?? base.tags) : joinTags(base.tags, candidate.tags ?? []);
  const hasTopics = candidate.topics !== undefined && (isOverwriting || candidate.topics.length > 0);
  return {
    name: take(candidate.name, base.name, null),
    country: take(candidate.country, base.country, null),
    language: take(candidate.language, base.language, defaultLanguage),
    timezone: take(candidate.timezone, base.timezone, null),
    tags: joinTags(ownTags, tags),
    topics: hasTopics ? (candidate.topics ?? []) : base.topics,
    frequency: take(candidate.frequency, base.frequency, 'all'),
    format: take(candidate.format, base.format, 'html'),
    sendHour: take(candidate.sendHour, base.sendHour, null),
    customFields: filled === undefined ? base.customFields : mergeCustomFields(base.customFields, filled),
  };
}

const isSameList = (left: readonly string[], right: readonly string[]) =>
  left === right || (left.length === right.length && left.every((value) => right.includes(value)));

export function isSameProfile(left: ImportedProfile, right: ImportedProfile): boolean {
  return (
    left.name === right.name &&
    left.country === right.country &&
    left.language === right.language &&
    left.timezone === right.timezone &&
    left.frequency === right.frequency &&
    left.format === right.format &&
    left.sendHour === right.sendHour &&
    isSameList(left.tags, right.tags) &&
    isSameList(left.topics, right.topics) &&
    (left.customFields === right.customFields || isSameFields(left.customFields, right.customFields))
  );
}

function isSameFields(left: CustomFields, right: CustomFields): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}
