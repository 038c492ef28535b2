import { walk } from './document-walk.ts';
import type { DomElement } from './dom.ts';

const blockTags = new Set(
  'address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p pre section summary table tbody tfoot thead tr ul'.split(
    ' ',
  ),
);
/** Beyond any page that is read by people; the rest is not rendered. */
const maxRenderedLength = 600_000;
const headingTag = /^h[1-6]$/;
/** What ends a paragraph; the other blocks only end a line inside a list item or a table cell. */
const cellTags = new Set(['td', 'th']);

/** What parts two pieces of text; of several that meet, the strongest stands. */
const breaks = { none: '', space: ' ', cell: ' | ', label: ': ', line: '\n', paragraph: '\n\n' } as const;
type Break = keyof typeof breaks;
const strength = new Map(Object.keys(breaks).map((kind, index) => [kind, index]));
const strengthOf = (kind: Break): number => strength.get(kind) ?? 0;

const headerTags = new Set(['th', 'caption', 'thead']);
const blocksInCells = new Set(['table', 'h1', 'h2', 'h3', 'h4', 'ul', 'ol', 'form', 'article', 'section', 'blockquote']);

/** Tables whose cells hold blocks of text or further tables are there for the layout: their cells are paragraphs. */
function findLayoutTables(root: DomElement, isLeftOut: (element: DomElement) => boolean): ReadonlySet<DomElement> {
  const layout = new Set<DomElement>();
  const open: { readonly table: DomElement; hasHeader: boolean; hasBlocks: boolean; paragraphsInCell: number }[] = [];
  walk(root, {
    enter(element) {
      if (isLeftOut(element)) return false;
      const tag = element.localName;
      const around = open.at(-1);
      if (around !== undefined) {
        if (headerTags.has(tag)) around.hasHeader = true;
        if (blocksInCells.has(tag)) around.hasBlocks = true;
        if (tag === 'td') around.paragraphsInCell = 0;
        if (tag === 'p') around.paragraphsInCell += 1;
        if (around.paragraphsInCell > 1) around.hasBlocks = true;
      }
      if (tag === 'table') open.push({ table: element, hasHeader: false, hasBlocks: false, paragraphsInCell: 0 });
      return true;
    },
    text: () => undefined,
    leave(element) {
      if (element.localName !== 'table') return;
      const table = open.pop();
      const isPresentation = element.getAttribute('role') === 'presentation';
      if (table !== undefined && (isPresentation || (table.hasBlocks && !table.hasHeader))) layout.add(element);
    },
  });
  return layout;
}

/** The only value of a row that begins with its name. */
function isLabelled(cell: DomElement): boolean {
  const cells = cell.parentElement?.children;
  return cell.localName === 'td' && cells?.length === 2 && cells[0]?.localName === 'th';
}

/**
 * The text of a subtree as a reader meets it: paragraphs and headings parted by blank lines, list items and table rows on
 * lines of their own, cells parted by " | ", white space collapsed except in preformatted text, where lines stay.
 */
export function renderText(root: DomElement, isLeftOut: (element: DomElement) => boolean): string {
  const parts: string[] = [];
  let written = 0;
  let pending: Break = 'none';
  let preDepth = 0;
  let lineDepth = 0;
  let cellsInRow = 0;
  const layoutTables = findLayoutTables(root, isLeftOut);
  const openTables: DomElement[] = [];

  const breakWith = (kind: Break) => {
    if (strengthOf(kind) > strengthOf(pending)) pending = kind;
  };
  const isDataTable = () => {
    const table = openTables.at(-1);
    return table !== undefined && !layoutTables.has(table);
  };
  const write = (text: string) => {
    if (text === '' || written > maxRenderedLength) return;
    written += text.length;
    if (parts.length > 0) parts.push(pending === 'label' && parts.at(-1)?.endsWith(':') ? ' ' : breaks[pending]);
    pending = 'none';
    parts.push(text);
  };
  const writeFlowing = (text: string) => {
    const words = text
      .replace(/\s{1000,}/g, ' ')
      .slice(0, maxRenderedLength)
      .replace(/[\s\u00a0\u200b\ufeff]+/g, ' ');
    const trimmed = words.trim();
    if (words.startsWith(' ')) breakWith('space');
    write(trimmed);
    if (trimmed !== '' && words.endsWith(' ')) breakWith('space');
  };
  const edge = (tag: string): void => {
    if (tag === 'li' || tag === 'tr' || tag === 'dt' || tag === 'dd') breakWith('line');
    else if (isDataTable() && tag !== 'table') breakWith('space');
    else if (blockTags.has(tag)) breakWith(lineDepth > 0 ? 'line' : 'paragraph');
  };

  walk(root, {
    enter(element) {
      if (isLeftOut(element)) return false;
      const tag = element.localName;
      if (tag === 'br') {
        breakWith(pending === 'line' && lineDepth === 0 ? 'paragraph' : 'line');
        return false;
      }
      if (tag === 'table') {
        breakWith('paragraph');
        openTables.push(element);
      }
      if (tag === 'tr') cellsInRow = 0;
      if (cellTags.has(tag)) {
        if (!isDataTable()) breakWith('paragraph');
        else if (cellsInRow > 0) breakWith(isLabelled(element) ? 'label' : 'cell');
        cellsInRow += 1;
      }
      edge(tag);
      if (tag === 'li' || tag === 'dd') lineDepth += 1;
      if (tag === 'pre') preDepth += 1;
      return true;
    },
    text(text) {
      if (preDepth === 0) return writeFlowing(text);
      const lines = text.replace(/\r\n?/g, '\n').split('\n');
      lines.forEach((line, index) => {
        if (index > 0) breakWith('line');
        writeFlowing(line);
      });
    },
    leave(element) {
      const tag = element.localName;
      if (tag === 'li' || tag === 'dd') lineDepth -= 1;
      if (tag === 'pre') preDepth -= 1;
      edge(tag);
      if (headingTag.test(tag) && !isDataTable()) breakWith('paragraph');
      if (tag === 'ul' || tag === 'ol' || tag === 'dl') breakWith(lineDepth > 0 ? 'line' : 'paragraph');
      if (tag === 'table') {
        openTables.pop();
        breakWith('paragraph');
      }
    },
  });
  return parts.join('').trim();
}
