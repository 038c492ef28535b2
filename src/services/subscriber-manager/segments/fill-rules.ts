import type { Queryable } from '#platform/database';
import { type FieldFault, invalid } from '#shared/errors';
import { readRules } from './read-rules.ts';
import { partsOf, type Rule, type RuleContext, type SegmentRules } from './rule-types.ts';
import { findSegments, readCustomFieldTypes, type Segment } from './segment-store.ts';

/** With those that they name in turn. */
const maxNamedSegments = 50;

const segmentsIn = (rule: Rule): string[] => [...partsOf(rule)].flatMap((part) => (part.kind === 'segment' ? part.id : []));

/**
 * Reads rules and puts in place of the segments that they name the rules of those, as they stand now.
 * @param ownId of the segment that the rules are of, which none of these may name
 * @throws AppError `invalid_request` that names each faulty rule by its path
 */
export async function fillRules(database: Queryable, rules: SegmentRules, now: Date, ownId?: string): Promise<Rule> {
  const context: RuleContext = { now, customFields: await readCustomFieldTypes(database) };
  const rule = readRules(rules, context);
  const named = segmentsIn(rule).length === 0 ? new Map<string, Rule>() : await readNamed(database, rule, context);
  const faults: FieldFault[] = [];
  const filled = fill(rule, named, ownId === undefined ? [] : [ownId], undefined, faults);
  if (faults.length > 0) {
    throw invalid(`The rules are not valid: ${faults.map(({ path, message }) => `${path} ${message}`).join('; ')}.`, faults);
  }
  return filled;
}

/** By their ids. */
async function readNamed(database: Queryable, rule: Rule, context: RuleContext): Promise<ReadonlyMap<string, Rule>> {
  const known = new Map<string, Rule>();
  for (let missing = new Set(segmentsIn(rule)); missing.size > 0; ) {
    const segments = await findSegments(database, [...missing]);
    for (const segment of segments) known.set(segment.id, readNamedRules(segment, context));
    if (known.size > maxNamedSegments) {
      throw invalid('The rules are not valid.', [{ path: '/rules', message: `must not name more than ${maxNamedSegments} segments` }]);
    }
    const next = segments.flatMap(({ id }) => segmentsIn(known.get(id) ?? rule));
    missing = new Set(next.filter((id) => !known.has(id)));
  }
  return known;
}

function readNamedRules({ name, rules }: Segment, context: RuleContext): Rule {
  try {
    return readRules(rules, context);
  } catch (error) {
    const message = `names the segment "${name}", whose rules hold no longer: ${error instanceof Error ? error.message : ''}`;
    throw invalid(`The rules are not valid: ${message}`, [{ path: '/rules', message }]);
  }
}

/** @param path of the segment's name in what was given, while inside of one */
function fill(
  rule: Rule,
  named: ReadonlyMap<string, Rule>,
  within: readonly string[],
  path: string | undefined,
  faults: FieldFault[],
): Rule {
  if (rule.kind === 'not') return { kind: 'not', rule: fill(rule.rule, named, within, path, faults) };
  if (rule.kind === 'all' || rule.kind === 'any') {
    return { kind: rule.kind, rules: rule.rules.map((part) => fill(part, named, within, path, faults)) };
  }
  if (rule.kind !== 'segment') return rule;
  const at = path ?? rule.path;
  const rules = named.get(rule.id);
  if (rules === undefined) faults.push({ path: at, message: 'names a segment that does not exist' });
  else if (within.includes(rule.id)) faults.push({ path: at, message: 'names a segment that leads back to itself' });
  else return fill(rules, named, [...within, rule.id], at, faults);
  return { kind: 'any', rules: [] };
}
