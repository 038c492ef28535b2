import type { Liquid, Variable } from 'liquidjs';
import { parseTemplate, templateFault } from './template-engine.ts';

/** Which variables there are at a reading. */
export type KnownVariables = {
  /** A name alone, without anything after a dot. */
  readonly plain: readonly string[];
  readonly lists: readonly string[];
  /** Groups by name: what stands after the dot. `undefined`: anything may. */
  readonly groups: Readonly<Record<string, readonly string[] | undefined>>;
};

/**
 * Finds unknown variables wherever they stand, in branches that no sample reaches too.
 * @throws AppError `template_faulty` with file, line and the variable's name
 */
export function checkVariables(engine: Liquid, file: string, source: string, known: KnownVariables): void {
  const withDefault = namesWithDefault(source);
  const { globals } = engine.analyzeSync(parseTemplate(engine, file, source), { partials: false });
  for (const variable of Object.values(globals).flat()) {
    if (isKnown(variable, known) || withDefault.has(variable.toString())) continue;
    throw templateFault(file, variable.location.row, `undefined variable: ${variable.toString()}${adviceOn(variable, known)}`);
  }
}

/** What follows the dot where a template names things of a group: `blocks.top` → top. */
export function namesOfGroup(engine: Liquid, file: string, source: string, group: string): Set<string> {
  const { globals } = engine.analyzeSync(parseTemplate(engine, file, source), { partials: false });
  return new Set(
    (globals[group] ?? []).map(({ segments: [, name] }) => (typeof name === 'string' ? name : '')).filter((name) => name !== ''),
  );
}

export function isUsed(engine: Liquid, file: string, source: string, name: string): boolean {
  return name in engine.analyzeSync(parseTemplate(engine, file, source), { partials: false }).globals;
}

/** `{{ variables.x | default: … }}`: says itself what stands there when nothing is given. */
export function variablesWithDefault(source: string): Set<string> {
  return new Set([...source.matchAll(/\bvariables\.([A-Za-z_]\w*)\s*\|\s*default\s*:/g)].map(([, name = '']) => name));
}

function namesWithDefault(source: string): Set<string> {
  return new Set([...variablesWithDefault(source)].map((name) => `variables.${name}`));
}

function isKnown({ segments: [root, next, ...rest] }: Variable, { plain, lists, groups }: KnownVariables): boolean {
  if (typeof root !== 'string') return false;
  if (plain.includes(root)) return next === undefined;
  if (lists.includes(root))
    return rest.length === 0 && (next === undefined || typeof next !== 'string' || ['size', 'first', 'last'].includes(next));
  if (!Object.hasOwn(groups, root)) return false;
  const members = groups[root];
  return members === undefined || (typeof next === 'string' && members.includes(next) && rest.length === 0);
}

function adviceOn({ segments: [root] }: Variable, { groups }: KnownVariables): string {
  if (root === 'fields') return '; custom fields must be declared';
  const members = typeof root === 'string' && Object.hasOwn(groups, root) ? groups[root] : undefined;
  return members === undefined || members.length === 0 ? '' : `; there are: ${members.slice(0, 20).join(', ')}`;
}
