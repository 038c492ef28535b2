import { type FieldFault, invalid } from '#shared/errors';
import { isUuid } from '#shared/uuid';
import { readCustomRule } from './read-custom-rule.ts';
import { readFieldRule } from './read-field-rule.ts';
import type { EngagementRule, Rule, RuleContext } from './rule-types.ts';
import { faulty, type RuleReading, readCount, readDays, startOfDay } from './rule-values.ts';

const maxDepth = 6;
const maxRules = 100;
const maxTimes = 1000;

type State = RuleContext & { readonly faults: FieldFault[]; count: number };
type Given = Readonly<Record<string, unknown>>;

const nobody: Rule = { kind: 'any', rules: [] };
const isObject = (value: unknown): value is Given => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads rules: `{"all": […]}`, `{"any": […]}` and `{"not": …}` around rules of the forms `{"field", "operator", "value"}`,
 * `{"customField", "operator", "value"}`, `{"engagement", "campaign", "inLastDays", "times"}` and `{"segment"}`. An empty
 * `all` is met by everybody, an empty `any` by nobody.
 * @throws AppError `invalid_request` that names each faulty rule by its path, with what is accepted there
 */
export function readRules(rules: unknown, context: RuleContext): Rule {
  const state: State = { ...context, faults: [], count: 0 };
  const rule = readRule(rules, '/rules', state, 1);
  if (state.faults.length > 0) {
    const described = state.faults.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw invalid(`The rules are not valid: ${described}.`, state.faults);
  }
  return rule;
}

function readRule(given: unknown, path: string, state: State, depth: number): Rule {
  const fail = (message: string, at = path): Rule => {
    state.faults.push({ path: at, message });
    return nobody;
  };
  // Said once, not once for each of the rules that are too many.
  state.count += 1;
  if (state.count === maxRules + 1) return fail(`must not have more than ${maxRules} rules in all`, '/rules');
  if (state.count > maxRules) return nobody;
  if (depth > maxDepth) return fail(`must not nest deeper than ${maxDepth}`);
  if (!isObject(given)) return fail('must be a rule, an object with one of all, any, not, field, customField, engagement, segment');
  const keys = ['all', 'any', 'not', 'field', 'customField', 'engagement', 'segment'].filter((key) => key in given);
  const [key, ...more] = keys;
  if (key === undefined || more.length > 0) {
    return fail('must have exactly one of all, any, not, field, customField, engagement, segment');
  }
  if (key === 'all' || key === 'any') {
    const unknown = findUnknown(given, [key]);
    if (unknown !== undefined) return fail(unknown);
    const list = given[key];
    if (!Array.isArray(list)) return fail('must be a list of rules', `${path}/${key}`);
    return { kind: key, rules: list.map((item, index) => readRule(item, `${path}/${key}/${index}`, state, depth + 1)) };
  }
  if (key === 'not') {
    const unknown = findUnknown(given, ['not']);
    return unknown === undefined ? { kind: 'not', rule: readRule(given.not, `${path}/not`, state, depth + 1) } : fail(unknown);
  }
  const reading = readLeaf(key, given, path, state);
  return 'value' in reading ? reading.value : fail(reading.fault.message, `${path}${reading.fault.path}`);
}

function findUnknown(given: Given, known: readonly string[]): string | undefined {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  return unknown === undefined ? undefined : `must not have "${unknown.slice(0, 50)}"; it takes ${known.join(', ')}`;
}

function readLeaf(key: string, given: Given, path: string, state: State): RuleReading<Rule> {
  const known = {
    segment: ['segment'],
    engagement: ['engagement', 'campaign', 'inLastDays', 'times'],
    customField: ['customField', 'operator', 'value'],
  }[key] ?? ['field', 'operator', 'value'];
  const unknown = findUnknown(given, known);
  if (unknown !== undefined) return faulty('', unknown);
  if (key === 'segment') {
    const { segment } = given;
    return typeof segment === 'string' && isUuid(segment)
      ? { value: { kind: 'segment', id: segment.toLowerCase(), path: `${path}/segment` } }
      : faulty('/segment', 'must be the id of a segment');
  }
  if (key === 'engagement') return readEngagement(given, state);
  if (key === 'customField') return readCustomRule(given, state);
  return readFieldRule(given, state.now);
}

function readEngagement({ engagement, campaign, inLastDays, times }: Given, state: State): RuleReading<Rule> {
  if (engagement !== 'received' && engagement !== 'opened' && engagement !== 'clicked') {
    return faulty('/engagement', 'must be one of received, opened, clicked');
  }
  if (campaign !== undefined && (typeof campaign !== 'string' || !isUuid(campaign))) {
    return faulty('/campaign', 'must be the id of a campaign');
  }
  const days = inLastDays === undefined ? undefined : readDays(inLastDays, '/inLastDays');
  if (days !== undefined && 'fault' in days) return days;
  const count = times === undefined ? { value: 1 } : readCount(times, '/times', maxTimes);
  if ('fault' in count) return count;
  if (campaign !== undefined && count.value > 1) return faulty('/times', 'counts campaigns: with campaign it can only be 1');
  const rule: EngagementRule = {
    kind: engagement,
    times: count.value,
    ...(campaign !== undefined && { issueId: campaign.toLowerCase() }),
    ...(days !== undefined && { since: startOfDay(state.now, days.value) }),
  };
  return { value: { kind: 'engagement', rule } };
}
