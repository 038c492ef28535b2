import { Liquid } from 'liquidjs';
import { AppError, messageOf } from '#shared/errors';
import { truncate } from '#shared/text';

/**
 * A template is read twice. The issue's own values are filled in once; what stands between `{% raw %}` and `{% endraw %}`
 * is left for the second reading, once a recipient: `name` (may be null), `unsubscribe_url`, `open_url` and `links`.
 */

// Stands for an opening brace that came in with a value, so that no title or summary is ever read as a template.
const braceMark = '\uE07B';

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const textOf = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
const escapeHtml = (value: unknown): string => textOf(value).replace(/[&<>"']/g, (char) => entities[char] ?? char);
const guardBraces = (text: string): string => text.replaceAll('{', braceMark);

/** No template reads a file, and none runs for ever. */
const limits = { strictVariables: true, strictFilters: true, ownPropertyOnly: true, templates: {}, parseLimit: 500_000, renderLimit: 5000 };

function createEngine(outputEscape: (value: unknown) => string): Liquid {
  const engine = new Liquid({ ...limits, outputEscape });
  engine.registerFilter('brief', (text: unknown, maxLength: number) => shortenToBrief(textOf(text), maxLength));
  engine.registerFilter('wrap', (text: unknown, width: number) => wrapLines(textOf(text), width));
  return engine;
}

/** First reading. */
export const issueHtmlEngine = createEngine((value) => guardBraces(escapeHtml(value)));
export const issueTextEngine = createEngine((value) => guardBraces(textOf(value)));
/** Second reading. */
export const recipientHtmlEngine = createEngine(escapeHtml);
export const recipientTextEngine = createEngine(textOf);

export const releaseBracesInHtml = (html: string): string => html.replaceAll(braceMark, '&#123;');
export const releaseBracesInText = (text: string): string => text.replaceAll(braceMark, '{{ "{" }}');
export const releaseBracesInUrl = (url: string): string => url.replaceAll(braceMark, '%7B');

/** As many whole sentences as fit into `maxLength` characters; where not even one does, its beginning. */
export function shortenToBrief(text: string, maxLength: number): string {
  const whole = text.trim();
  if (whole.length <= maxLength) return whole;
  const [sentences] = /^.*[.!?…]["”’)]*(?=\s)/s.exec(whole.slice(0, maxLength + 1)) ?? [];
  if (sentences !== undefined && sentences.length > maxLength / 3) return sentences;
  return truncate(whole, maxLength).replace(/[\s.,;:–—-]*…$/, '…');
}

/** Breaks at spaces so that no line is longer than `width` characters, a longer word excepted. Breaks that stand, stay. */
export function wrapLines(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => {
      const lines: string[] = [];
      let current = '';
      for (const word of line.split(/ +/)) {
        if (current !== '' && current.length + 1 + word.length > width) {
          lines.push(current);
          current = word;
        } else current = current === '' ? word : `${current} ${word}`;
      }
      return [...lines, current].join('\n');
    })
    .join('\n');
}

export function templateFault(file: string, line: number | undefined, reason: string): AppError {
  return new AppError('template_faulty', `${file}${line === undefined ? '' : `, line ${line}`}: ${reason}`, { status: 422 });
}

/** Runs one reading; a fault of the template comes out as AppError `template_faulty` with file, line and reason. */
export function readTemplate(engine: Liquid, file: string, source: string, values: object): string {
  try {
    return engine.parseAndRenderSync(source, values);
  } catch (error) {
    const [reason = '', place] = messageOf(error).split(/, line:(?=\d+, col:\d+$)/);
    throw templateFault(file, place === undefined ? undefined : Number.parseInt(place, 10), reason);
  }
}
