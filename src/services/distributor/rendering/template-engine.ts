import { Context, type Emitter, Liquid, type Template, toValueSync } from 'liquidjs';
import { AppError, messageOf } from '#shared/errors';
import { shortenToBrief, wrapLines } from './text-layout.ts';

/**
 * A template is read twice. The issue's own values are filled in once; what stands between `{% raw %}` and `{% endraw %}`
 * is left for the second reading, once a recipient (`recipient-template.ts`), as is the Liquid in what is written for an issue.
 */

// Stands for an opening brace that came in with a value, so that no title or summary is ever read as a template.
const braceMark = '\uE07B';

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const textOf = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
export const escapeHtml = (value: unknown): string => textOf(value).replace(/[&<>"']/g, (char) => entities[char] ?? char);
export const guardBraces = (text: string): string => text.replaceAll('{', braceMark);

/** What is ready for its place: passed on as it is at the first reading. */
export class ReadyText {
  readonly content: string;
  constructor(content: string) {
    this.content = content;
  }
}

const kib = 1024;
/**
 * Deterministic, so that a template that passes once passes always: iterations and tags rather than time. The first reading may
 * produce much, the second one is done for a million recipients.
 */
const limits = {
  issue: { maxSteps: 100_000, maxOutputChars: 1024 * kib },
  recipient: { maxSteps: 5000, maxOutputChars: 512 * kib },
} as const;
/** What filters and ranges may allocate in one reading, in characters and items. */
const memoryLimit = 4_000_000;
/** Behind the others: against what takes long in a single step. */
const renderLimitMs = 10_000;

type Reading = keyof typeof limits;
const readings = new WeakMap<Liquid, Reading>();

function createEngine(reading: Reading, outputEscape: (value: unknown) => string): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    // No template reads a file.
    templates: {},
    parseLimit: 1_000_000,
    renderLimit: renderLimitMs,
    memoryLimit,
    outputEscape,
  });
  engine.registerFilter('brief', (text: unknown, maxLength: number) => shortenToBrief(textOf(text), maxLength));
  engine.registerFilter('wrap', (text: unknown, width: number) => wrapLines(textOf(text), width));
  // Everything is escaped, whatever a template asks for.
  engine.registerFilter('raw', (value: unknown) => value);
  readings.set(engine, reading);
  return engine;
}

/** First reading. */
export const issueHtmlEngine = createEngine('issue', (value) =>
  value instanceof ReadyText ? value.content : guardBraces(escapeHtml(value)),
);
export const issueTextEngine = createEngine('issue', (value) => (value instanceof ReadyText ? value.content : guardBraces(textOf(value))));
/** Second reading. */
export const recipientHtmlEngine = createEngine('recipient', escapeHtml);
export const recipientTextEngine = createEngine('recipient', textOf);

export const releaseBracesInHtml = (html: string): string => html.replaceAll(braceMark, '&#123;');
export const releaseBracesInText = (text: string): string => text.replaceAll(braceMark, '{{ "{" }}');
export const releaseBracesInUrl = (url: string): string => url.replaceAll(braceMark, '%7B');
/** Text as Liquid that gives just this text: for a subject that is made of titles. */
export const toLiteralLiquid = (text: string): string => releaseBracesInText(guardBraces(text));

export function templateFault(file: string, line: number | undefined, reason: string): AppError {
  return new AppError('template_faulty', `${file}${line === undefined ? '' : `, line ${line}`}: ${reason}`, { status: 422 });
}

function toTemplateFault(file: string, error: unknown): AppError {
  const [reason = '', place] = messageOf(error).split(/, line:(?=\d+, col:\d+$)/);
  return templateFault(file, place === undefined ? undefined : Number.parseInt(place, 10), reason);
}

/** @throws AppError `template_faulty` with file, line and reason */
export function parseTemplate(engine: Liquid, file: string, source: string): Template[] {
  try {
    return engine.parse(source);
  } catch (error) {
    throw toTemplateFault(file, error);
  }
}

/** One reading: its limits hold over all that is rendered in the context. */
export function startRendering(engine: Liquid, values: object): Context {
  const { maxSteps } = limits[readings.get(engine) ?? 'recipient'];
  const context = new Context(values, engine.options, { sync: true });
  context.liquid = engine;
  const checkTime = context.renderLimit.check.bind(context.renderLimit);
  let steps = 0;
  context.renderLimit.check = (now) => {
    steps += 1;
    if (steps > maxSteps) throw new Error(`it takes more than ${maxSteps} steps: a loop runs too often`);
    checkTime(now);
  };
  return context;
}

class BoundedEmitter implements Emitter {
  buffer = '';
  readonly maxChars: number;
  constructor(maxChars: number) {
    this.maxChars = maxChars;
  }
  write(value: unknown): void {
    this.buffer += typeof value === 'string' ? value : textOf(value);
    if (this.buffer.length > this.maxChars) throw new Error(`it writes more than ${this.maxChars} characters`);
  }
}

/** @throws AppError `template_faulty` with file, line and reason */
export function renderParsed(engine: Liquid, file: string, templates: Template[], context: Context): string {
  const emitter = new BoundedEmitter(limits[readings.get(engine) ?? 'recipient'].maxOutputChars);
  try {
    toValueSync(engine.renderer.renderTemplates(templates, context, emitter));
  } catch (error) {
    throw toTemplateFault(file, error);
  }
  return emitter.buffer;
}

/** Runs one reading; a fault of the template comes out as AppError `template_faulty` with file, line and reason. */
export function readTemplate(engine: Liquid, file: string, source: string, values: object): string {
  return renderParsed(engine, file, parseTemplate(engine, file, source), startRendering(engine, values));
}
