import { collapseWhitespace } from '#shared/text';
import { findDate, readMachineDate } from './date-reading.ts';
import { walk } from './document-walk.ts';
import type { DomElement } from './dom.ts';
import { isSilent, wordsOf } from './element-signals.ts';
import type { PageNature } from './page-nature.ts';

export type Byline = { readonly author: string | undefined; readonly publishedAt: Date | undefined };

const maxBylineLength = 160;
/** Beyond this much running text, what follows is no byline but speaks of others: comments, further articles. */
const maxProseBefore = 600;
const maxPieceLength = 1000;
const maxNodesOfLine = 40;
const minProseLine = 120;
const minRecurrences = 3;
const introduction = /^(?:(?:written|posted|published|reported|words|text|story)\b\s*(?:by\b|:)\s*|(?:by|von|par|por|от|автор:?)\s+)/i;
const notNames =
  /\b(?:read|views?|comments?|share|updated|minutes?|min|category|tags?|edited|registered|member|login|log|sign|published|posted|home|start|forum|replies|joined)\b|[@\\|{}<>=»]|https?:|^(?:by|von|par|por|от)$/i;
const authorWord = /^(?:author|poster|nickname|(?:u|user|member)name)$/;
const otherPeoplesWords = new Set(['comment', 'comments', 'related', 'sidebar', 'side', 'teaser', 'reviews', 'review']);

/** The text of a small element; undefined when it is no single line. */
function lineOf(element: DomElement): string | undefined {
  let text = '';
  let nodes = 0;
  walk(element, {
    enter: () => (nodes += 1) <= maxNodesOfLine && text.length <= maxBylineLength,
    text: (piece) => void (text += ` ${piece.slice(0, maxPieceLength)}`),
    leave: () => undefined,
  });
  const line = collapseWhitespace(text).replace(/ ([,.;:])/g, '$1');
  return nodes > maxNodesOfLine || line.length > maxBylineLength || line === '' ? undefined : line;
}

function isName(text: string): boolean {
  return (
    text.length >= 2 &&
    text.length <= 50 &&
    text.split(' ').length <= 5 &&
    /\p{L}/u.test(text) &&
    !notNames.test(text) &&
    !/\d{3,}|[?!]/.test(text)
  );
}

/** The name in a byline: "Posted by Old Walter on 14 March 2026", "Ben Okafor · 10 September 2026", "Words: Tomás Rivas". */
export function readName(line: string): string | undefined {
  const date = findDate(line);
  const name = (date === undefined ? line : line.slice(0, date.index))
    .replace(introduction, '')
    .replace(/\s*\b(?:on|at|published|posted|updated)\s*$/i, '')
    .replace(/\s+(?:\p{L}{3,12}\.? \d{1,2}|\d{1,2}\.? \p{L}{3,12})$/u, '')
    .replace(/[\s·•|/,:–—-]+$/u, '');
  return isName(name) ? name : undefined;
}

function isAuthorElement(element: DomElement): boolean {
  const says = (attribute: string) => element.getAttribute(attribute)?.split(/\s+/).includes('author') === true;
  return says('rel') || says('itemprop') || wordsOf(element).some((word) => authorWord.test(word));
}

function otherPeoples(element: DomElement): boolean {
  if (['nav', 'aside', 'footer'].includes(element.localName)) return true;
  if (element.localName === 'table' && element.querySelector('thead, th') !== null) return true;
  return wordsOf(element).some((word) => otherPeoplesWords.has(word));
}

/** The first class of an element, or of the one around it: what is alike has it in common. */
function kindOf(element: DomElement): string {
  const names = element.getAttribute('class') ?? element.parentElement?.getAttribute('class') ?? '';
  return `${element.localName}.${names.trim().split(/\s+/)[0] ?? ''}`;
}

/** Author and date as the page shows them to its reader, in marked elements and in the short lines before the running text. */
export function readByline(root: DomElement, nature: PageNature): Byline {
  const dated: { readonly kind: string; readonly date: Date; readonly name: string | undefined }[] = [];
  let author: string | undefined;
  let proseLength = 0;
  walk(root, {
    enter(element) {
      if (isSilent(element) || otherPeoples(element)) return false;
      if (proseLength > maxProseBefore) return dated.length === 0 || nature !== 'forum';
      const line = lineOf(element);
      if (line === undefined) return true;
      const stamp = element.localName === 'time' ? readMachineDate(element.getAttribute('datetime')) : undefined;
      const found = findDate(line);
      const date = stamp ?? found?.date;
      const isIntroduced = introduction.test(line) || (found !== undefined && found.index > 0 && line.length < 80);
      if (date !== undefined) dated.push({ kind: kindOf(element), date, name: isIntroduced ? readName(line) : undefined });
      else if (isAuthorElement(element) || introduction.test(line)) author ??= readName(line);
      return true;
    },
    text: (text) => {
      const { length } = collapseWhitespace(text.slice(0, maxPieceLength));
      if (length > minProseLine) proseLength += length;
    },
    leave: () => undefined,
  });
  // Many of a kind are a list of articles: each is about one of them, none about the page. In a discussion the first began it.
  const isList = dated.some(({ kind }) => dated.filter((other) => other.kind === kind).length >= minRecurrences);
  const first = isList && nature !== 'forum' ? undefined : dated[0];
  return { author: author ?? first?.name, publishedAt: first?.date };
}
