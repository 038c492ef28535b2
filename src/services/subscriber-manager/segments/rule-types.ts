import type { RawBuilder } from '#platform/database';

/** Rules as they are stored and given: JSON, see `readRules` for what is accepted. */
export type SegmentRules = Readonly<Record<string, unknown>>;

export const textFields = ['status', 'country', 'language', 'timezone', 'source', 'frequency', 'format', 'emailDomain'] as const;
export type TextField = (typeof textFields)[number];
export const optionalFields = ['name', 'country', 'timezone'] as const;
export type OptionalField = (typeof optionalFields)[number];
export type ListField = 'tags' | 'topics';

export const customFieldTypes = ['text', 'number', 'boolean', 'date', 'choice'] as const;
export type CustomFieldType = (typeof customFieldTypes)[number];

/** What a custom field is compared with. Times are dates as they are written, `2026-01-31`: their letters sort as they do. */
export type CustomTest =
  | { readonly kind: 'equals'; readonly values: readonly (string | number | boolean)[] }
  | { readonly kind: 'present' }
  /** From and to are among them. */
  | { readonly kind: 'numbers'; readonly from?: number | undefined; readonly to?: number | undefined }
  /** `to` is no longer among them. */
  | { readonly kind: 'dates'; readonly from?: string | undefined; readonly to?: string | undefined };

export type EngagementRule = {
  readonly kind: 'received' | 'opened' | 'clicked';
  /** A campaign; any of them where it is absent. */
  readonly issueId?: string | undefined;
  /** At or after this time, the beginning of a day in UTC. */
  readonly since?: Date | undefined;
  /** In at least so many different campaigns. */
  readonly times: number;
};

/**
 * Gives a condition on a subscriber's id (an SQL expression), never null: whether there was such engagement. Opens and clicks
 * are those of people, as far as can be told.
 */
export type EngagementCondition = (rule: EngagementRule, subscriberId: RawBuilder<unknown>) => RawBuilder<boolean>;

/** Rules that were read. What is not known of somebody meets no rule: only `not` is then met. */
export type Rule =
  | { readonly kind: 'all' | 'any'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule }
  | { readonly kind: 'text'; readonly field: TextField; readonly values: readonly string[] }
  | { readonly kind: 'present'; readonly field: OptionalField }
  | { readonly kind: 'list'; readonly field: ListField; readonly match: 'any' | 'all'; readonly values: readonly string[] }
  /** `to` is no longer among them. */
  | { readonly kind: 'subscribed'; readonly from?: Date | undefined; readonly to?: Date | undefined }
  | { readonly kind: 'custom'; readonly name: string; readonly test: CustomTest }
  | { readonly kind: 'engagement'; readonly rule: EngagementRule }
  /** `path` is where it stands in what was given. */
  | { readonly kind: 'segment'; readonly id: string; readonly path: string };

/** The parts of a rule that rules nest in, itself included. */
export function* partsOf(rule: Rule): Generator<Rule> {
  yield rule;
  if (rule.kind === 'not') yield* partsOf(rule.rule);
  if (rule.kind === 'all' || rule.kind === 'any') for (const part of rule.rules) yield* partsOf(part);
}

/** A rule that was kept as JSON, which knows no times. */
export function reviveRule(kept: unknown): Rule {
  const rule = kept as Rule;
  if (rule.kind === 'not') return { kind: 'not', rule: reviveRule(rule.rule) };
  if (rule.kind === 'all' || rule.kind === 'any') return { ...rule, rules: rule.rules.map(reviveRule) };
  if (rule.kind !== 'subscribed') return rule;
  const { from, to } = rule;
  return { kind: 'subscribed', ...(from !== undefined && { from: new Date(from) }), ...(to !== undefined && { to: new Date(to) }) };
}

/** What rules are read by. */
export type RuleContext = {
  readonly now: Date;
  /** Types of the custom fields that are defined. */
  readonly customFields: ReadonlyMap<string, CustomFieldType>;
};
