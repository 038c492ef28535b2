import { type Context, type Liquid, type Template, TokenKind } from 'liquidjs';
import type { TemplatePart } from '#platform/mail';
import type { VariantContent } from '../distributor-types.ts';
import { cleanName } from './recipient-name.ts';
import { parseTemplate, recipientHtmlEngine, recipientTextEngine, renderParsed, startRendering } from './template-engine.ts';

/** What differs by recipient. */
export type RecipientValues = {
  readonly name: string | null;
  readonly email: string;
  readonly language: string;
  readonly country: string | null;
  readonly timezone: string | null;
  readonly tags: readonly string[];
  readonly topics: readonly string[];
  /** Custom fields; what is declared and not set may be left out. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly format: 'html' | 'text';
  /** Ids of those of the segments that the recipient belongs to. */
  readonly segments: readonly string[];
  readonly unsubscribeUrl: string;
  readonly preferencesUrl: string;
  readonly openUrl: string;
  /** Of the link that no reader sees; without tracking there is none. */
  readonly honeypotUrl?: string;
  /** By the numbers of the links. */
  readonly links: readonly string[];
  /** The issue's own. */
  readonly variables: Readonly<Record<string, unknown>>;
};

export type RecipientTemplate = {
  readonly subject: readonly TemplatePart[];
  readonly text: readonly TemplatePart[];
  readonly html: readonly TemplatePart[];
  readonly slotCount: number;
  /**
   * The values of all slots, escaped for where they stand; a subject's are of one line.
   * @throws AppError `template_faulty`: a variable that does not exist, or a template that does not come to an end
   */
  fill(values: RecipientValues): string[];
};

/** Under these names templates know the values. */
export const recipientNames = [
  'name',
  'email',
  'language',
  'country',
  'timezone',
  'tags',
  'topics',
  'fields',
  'format',
  'segments',
  'unsubscribe_url',
  'preferences_url',
  'open_url',
  'honeypot_url',
  'links',
  'variables',
] as const;

type RecipientScope = Readonly<Record<(typeof recipientNames)[number], unknown>>;
type ToText = (value: unknown) => string;
type Slot =
  | { readonly kind: 'direct'; readonly write: (scope: RecipientScope, toText: ToText) => string; readonly place: string }
  | { readonly kind: 'rendered'; readonly templates: Template[] };
type Layout = { readonly parts: TemplatePart[]; readonly slots: Slot[]; readonly names: OpenNames };
/** Custom fields and variables that a template names: those without a value are empty rather than unknown. */
type OpenNames = { readonly fields: readonly string[]; readonly variables: readonly string[] };

const maxSubjectSlotLength = 300;

/**
 * Reads a version's Liquid once for all recipients: what stands between is static, every dynamic stretch (an output, or a whole
 * block) is a slot. A plain output is read straight from the values, without the engine. Parts whose tags set variables or leave
 * loops are rendered in order in one context, so that the outcome is that of rendering the whole.
 */
export function compileRecipientTemplate(version: VariantContent): RecipientTemplate {
  const subject = layOut(recipientTextEngine, 'subject', version.subject, 0);
  const text = layOut(recipientTextEngine, 'text', version.text, subject.slots.length);
  const html = layOut(recipientHtmlEngine, 'html', version.html, subject.slots.length + text.slots.length);
  return {
    subject: subject.parts,
    text: text.parts,
    html: html.parts,
    slotCount: subject.slots.length + text.slots.length + html.slots.length,
    fill(values) {
      const filled: string[] = [];
      fillSlots(filled, recipientTextEngine, 'subject', subject, values);
      for (const [slot, value] of filled.entries()) filled[slot] = toLine(value);
      fillSlots(filled, recipientTextEngine, 'text', text, values);
      fillSlots(filled, recipientHtmlEngine, 'html', html, values);
      return filled;
    },
  };
}

/** The whole of a part for one recipient. */
export function joinParts(parts: readonly TemplatePart[], filled: readonly string[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : (filled[part.slot] ?? ''))).join('');
}

const toLine = (text: string) => text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, maxSubjectSlotLength);

const stateTag = /\{%-?\s*(?:assign|capture|increment|decrement|liquid)\b/;
const leavingTag = /\{%-?\s*(?:break|continue|liquid)\b/;
const plainOutput = /^\{\{-?\s*(?:([a-z_]+)|links\[(\d+)\]|(fields|variables)\.([A-Za-z_]\w*))\s*-?\}\}$/;

function layOut(engine: Liquid, file: string, source: string, firstSlot: number): Layout {
  const templates = parseTemplate(engine, file, source);
  const names = openNamesOf(source);
  // A break ends the whole part: nothing of it is static.
  if (leavingTag.test(source)) return { parts: [{ slot: firstSlot }], slots: [{ kind: 'rendered', templates }], names };
  const hasState = stateTag.test(source);
  const parts: TemplatePart[] = [];
  const slots: Slot[] = [];
  const places = new Map<string, number>();
  const addSlot = (slot: Slot): number => {
    slots.push(slot);
    parts.push({ slot: firstSlot + slots.length - 1 });
    return firstSlot + slots.length - 1;
  };
  for (const [index, template] of templates.entries()) {
    if (template.token.kind === TokenKind.HTML) {
      addStatic(parts, renderParsed(engine, file, [template], startRendering(engine, {})));
      continue;
    }
    // A block's own token is its first tag only; it reaches to where the next piece begins.
    const stretch = source.slice(template.token.begin, templates[index + 1]?.token.begin ?? source.length);
    const direct = hasState ? undefined : (readDirectly(template.token.getText()) ?? readCondition(stretch));
    if (direct !== undefined) {
      const known = places.get(direct.place);
      if (known === undefined) places.set(direct.place, addSlot(direct));
      else parts.push({ slot: known });
      continue;
    }
    const last = slots.at(-1);
    const before = parts.at(-1);
    const isNext = typeof before === 'object' && before.slot === firstSlot + slots.length - 1;
    if (isNext && last?.kind === 'rendered') last.templates.push(template);
    else addSlot({ kind: 'rendered', templates: [template] });
  }
  return { parts, slots, names };
}

function addStatic(parts: TemplatePart[], text: string): void {
  if (text === '') return;
  const last = parts.at(-1);
  if (typeof last === 'string') parts[parts.length - 1] = last + text;
  else parts.push(text);
}

type DirectSlot = Extract<Slot, { kind: 'direct' }>;

function readDirectly(output: string): DirectSlot | undefined {
  const [whole, name, link, group, key] = plainOutput.exec(output) ?? [];
  if (whole === undefined) return undefined;
  if (link !== undefined) {
    const number = Number(link);
    return { kind: 'direct', place: `links.${number}`, write: ({ links }, toText) => toText((links as readonly string[])[number]) };
  }
  if (group !== undefined && key !== undefined) {
    const groupName = group === 'fields' ? 'fields' : 'variables';
    return {
      kind: 'direct',
      place: `${group}.${key}`,
      write: (scope, toText) => toText((scope[groupName] as Readonly<Record<string, unknown>>)[key]),
    };
  }
  const known = knownName(name);
  return known === undefined ? undefined : { kind: 'direct', place: known, write: (scope, toText) => toText(scope[known]) };
}

const knownName = (name: string | undefined) => recipientNames.find((candidate) => candidate === name);

const branch = String.raw`([^{}]*(?:\{\{ [a-z_]+ \}\}[^{}]*)*)`;
const plainCondition = new RegExp(String.raw`^\{% if ([a-z_]+) %\}${branch}(?:\{% else %\}${branch})?\{% endif %\}$`);

/** The greeting of nearly every mail: a condition on one value, with text and plain outputs in its branches. */
function readCondition(block: string): DirectSlot | undefined {
  const [whole, name, then = '', otherwise = ''] = plainCondition.exec(block) ?? [];
  const condition = knownName(name);
  const branches = [readBranch(then), readBranch(otherwise)] as const;
  if (whole === undefined || condition === undefined || branches[0] === undefined || branches[1] === undefined) return undefined;
  const [writeThen, writeOtherwise] = [branches[0], branches[1]];
  return {
    kind: 'direct',
    place: whole,
    write: (scope, toText) => {
      const value = scope[condition];
      // As Liquid sees it: an empty text is true.
      return (value === null || value === undefined || value === false ? writeOtherwise : writeThen)(scope, toText);
    },
  };
}

function readBranch(source: string): DirectSlot['write'] | undefined {
  const pieces = source.split(/\{\{ ([a-z_]+) \}\}/).map((piece, index) => (index % 2 === 0 ? piece : { name: knownName(piece) }));
  const names = pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.name]));
  if (names.includes(undefined)) return undefined;
  return (scope, toText) =>
    pieces.map((piece) => (typeof piece === 'string' ? piece : piece.name === undefined ? '' : toText(scope[piece.name]))).join('');
}

function openNamesOf(source: string): OpenNames {
  const namesIn = (group: string) => [
    ...new Set(
      [...source.matchAll(new RegExp(`\\b${group}(?:\\.([A-Za-z_][\\w-]*)|\\["([^"]+)"\\]|\\['([^']+)'\\])`, 'g'))].map(
        ([, a, b, c]) => a ?? b ?? c ?? '',
      ),
    ),
  ];
  return { fields: namesIn('fields'), variables: namesIn('variables') };
}

/** Own properties only, so that no name leads to what every object has. */
function withNulls(names: readonly string[], values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return names.length === 0 ? values : { ...Object.fromEntries(names.map((name) => [name, null])), ...values };
}

function scopeOf(values: RecipientValues, names: OpenNames): RecipientScope {
  return {
    name: cleanName(values.name),
    email: values.email,
    language: values.language,
    country: values.country,
    timezone: values.timezone,
    tags: values.tags,
    topics: values.topics,
    fields: withNulls(names.fields, values.fields),
    format: values.format,
    segments: values.segments,
    unsubscribe_url: values.unsubscribeUrl,
    preferences_url: values.preferencesUrl,
    open_url: values.openUrl,
    honeypot_url: values.honeypotUrl ?? '',
    links: values.links,
    variables: withNulls(names.variables, values.variables),
  };
}

function fillSlots(filled: string[], engine: Liquid, file: string, { slots, names }: Layout, values: RecipientValues): void {
  if (slots.length === 0) return;
  const scope = scopeOf(values, names);
  const toText = engine.options.outputEscape as (value: unknown) => string;
  let context: Context | undefined;
  for (const slot of slots) {
    if (slot.kind === 'direct') {
      filled.push(slot.write(scope, toText));
    } else {
      context ??= startRendering(engine, scope);
      filled.push(renderParsed(engine, file, slot.templates, context));
    }
  }
}
