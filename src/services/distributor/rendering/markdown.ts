import createParser, { type MarkdownIt, type Token } from 'markdown-it';
import { hasMark } from './liquid-stretches.ts';
import { wrapLines } from './text-layout.ts';

/** Mail programs ignore style sheets often enough that each element carries its own; colours of the dark come by class. */
const styles = {
  p: 'margin:0 0 16px',
  h1: 'margin:24px 0 8px;font-size:24px;line-height:1.25',
  h2: 'margin:24px 0 8px;font-size:20px;line-height:1.3',
  h3: 'margin:20px 0 6px;font-size:17px;line-height:1.35',
  ul: 'margin:0 0 16px;padding:0 0 0 22px',
  ol: 'margin:0 0 16px;padding:0 0 0 24px',
  li: 'margin:0 0 6px',
  blockquote: 'margin:0 0 16px;padding:2px 0 2px 16px;border-left:3px solid #8fbfa4',
  hr: 'border:0;border-top:1px solid #dce7df;margin:24px 0',
  table: 'border-collapse:collapse;margin:0 0 16px;width:100%',
  th: 'text-align:left;padding:6px 8px;border-bottom:2px solid #dce7df',
  td: 'text-align:left;padding:6px 8px;border-bottom:1px solid #dce7df;vertical-align:top',
  code: 'font-family:ui-monospace,Menlo,Consolas,monospace;font-size:0.92em',
  pre: 'margin:0 0 16px;white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:14px',
  img: 'display:block;width:100%;max-width:100%;height:auto;border:0;border-radius:8px',
};

const styleOf = (tag: string): string | undefined => (Object.hasOwn(styles, tag) ? styles[tag as keyof typeof styles] : undefined);

const markdown = createMarkdown();

function createMarkdown(): MarkdownIt {
  // HTML is shown as text. Addresses become links only where they are written as such.
  const parser = createParser({ html: false, linkify: false, typographer: false, breaks: false, maxNesting: 30 });
  const normalize = parser.normalizeLink;
  parser.normalizeLink = (url) => (hasMark(url) ? url : normalize(url));
  for (const name of ['code_block', 'fence'] as const) {
    parser.renderer.rules[name] = (tokens, index) =>
      `<pre style="${styles.pre}">${parser.utils.escapeHtml(tokens[index]?.content ?? '')}</pre>\n`;
  }
  parser.renderer.rules.code_inline = (tokens, index) =>
    `<code style="${styles.code}">${parser.utils.escapeHtml(tokens[index]?.content ?? '')}</code>`;
  parser.core.ruler.push('mail_styles', (state) => {
    addStyles(state.tokens);
  });
  return parser;
}

function addStyles(tokens: readonly Token[]): void {
  for (const token of tokens) {
    const style = styleOf(token.tag);
    if (style !== undefined && token.nesting >= 0 && token.type !== 'code_inline') token.attrSet('style', style);
    if (token.children !== null) addStyles(token.children);
  }
}

const loneTags = /<p style="[^"]*">((?:\s|\uE07C\d+\uE07D)+)<\/p>/g;

/** @param isTag whether a mark stands for a tag, which is no paragraph of its own */
export function markdownToHtml(source: string, isTag: (mark: string) => boolean): string {
  return markdown.render(source).replace(loneTags, (whole, inner: string) => {
    const marks = inner.match(/\uE07C\d+\uE07D/g) ?? [];
    return marks.length > 0 && marks.every(isTag) ? inner : whole;
  });
}

const textWidth = 72;

/** The same as text: lists with dashes and numbers, links with their address beside them. */
export function markdownToText(source: string): string {
  const lines: string[] = [];
  const indents: string[] = [];
  const counters: (number | undefined)[] = [];
  let pending = '';
  /** Cells of a table's row. */
  let row: string[] | undefined;
  const write = (text: string) => {
    const indent = indents.join('');
    const wrapped = wrapLines(text, textWidth - indent.length).split('\n');
    lines.push(...wrapped.map((line, index) => (index === 0 && pending !== '' ? pending : indent) + line));
    pending = '';
  };
  for (const token of markdown.parse(source, {})) {
    if (token.type === 'bullet_list_open' || token.type === 'ordered_list_open') {
      counters.push(token.type === 'ordered_list_open' ? Number(token.attrGet('start') ?? 1) : undefined);
    } else if (token.type === 'bullet_list_close' || token.type === 'ordered_list_close') {
      counters.pop();
      if (counters.length === 0) lines.push('');
    } else if (token.type === 'list_item_open') {
      const count = counters.at(-1);
      const bullet = count === undefined ? '- ' : `${count}. `;
      if (count !== undefined) counters[counters.length - 1] = count + 1;
      pending = indents.join('') + bullet;
      indents.push(' '.repeat(bullet.length));
    } else if (token.type === 'blockquote_open') indents.push('> ');
    else if (token.type === 'list_item_close' || token.type === 'blockquote_close') indents.pop();
    else if (token.type === 'tr_open') row = [];
    else if (token.type === 'tr_close') write((row ?? []).join(' | '));
    else if (token.type === 'table_close') {
      row = undefined;
      lines.push('');
    } else if (token.type === 'inline' && row !== undefined) row.push(inlineText(token.children ?? []));
    else if (token.type === 'inline') write(inlineText(token.children ?? []));
    else if (token.type === 'hr') lines.push('-'.repeat(textWidth), '');
    else if (token.type === 'fence' || token.type === 'code_block')
      lines.push(
        ...token.content
          .trimEnd()
          .split('\n')
          .map((line) => `    ${line}`),
        '',
      );
    else if (/^(?:paragraph|heading)_close$/.test(token.type) && counters.length === 0) lines.push('');
  }
  return lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

function inlineText(tokens: readonly Token[]): string {
  let text = '';
  const open: { readonly href: string; readonly from: number }[] = [];
  for (const token of tokens) {
    if (token.type === 'softbreak') text += ' ';
    else if (token.type === 'hardbreak') text += '\n';
    else if (token.type === 'image') text += token.content === '' ? '' : `[${token.content}]`;
    else if (token.type === 'link_open') open.push({ href: String(token.attrGet('href') ?? ''), from: text.length });
    else if (token.type === 'link_close') {
      const link = open.pop();
      if (link !== undefined && text.slice(link.from) !== link.href) text += ` (${link.href.replace(/^mailto:/, '')})`;
    } else text += token.content;
  }
  return text;
}
