import { judgeByName } from './boilerplate.ts';
import { walk } from './document-walk.ts';
import type { DomDocument, DomElement } from './dom.ts';
import { isSilent, wordsOf } from './element-signals.ts';
import type { PageNature } from './page-nature.ts';
import { findRepeatedQuotes } from './repetition.ts';
import { type Measures, measureText } from './text-measure.ts';

export type MainContent = {
  readonly root: DomElement;
  readonly isLeftOut: (element: DomElement) => boolean;
  /** What was judged to be no part of it, where it begins. */
  readonly leftOut: ReadonlySet<DomElement>;
  /** Few enough elements inside one another, and texts to ask for, that an algorithm of quadratic cost may read it. */
  readonly isTame: boolean;
};

/** What is hidden at first may be opened by its reader: it is text where it is a good part of the page. */
const hiddenProseShare = 0.05;
const minProseLength = 150;
/** Real pages stay far below: twice and three times the most that 450 of them had. */
const maxTameCost = 2_000_000;
const maxTameDepth = 150;
const narrowShare = 0.9;
/** Below this, the page is itself a list of links. */
const minKeptShare = 0.7;
const neverFurniture = new Set(['html', 'body', 'main', 'td', 'tr', 'tbody']);
const listLike = new Set(['ul', 'ol', 'div', 'section', 'table', 'p', 'dl', 'td', 'span', 'header', 'article']);

function markFurniture(root: DomElement, measures: Measures, nature: PageNature, marked: Set<DomElement>): void {
  const whole = measures.of(root);
  walk(root, {
    enter(element) {
      if (isSilent(element) || marked.has(element)) return false;
      if (neverFurniture.has(element.localName)) return true;
      const verdict = judgeByName(element, nature);
      if (verdict === 'content') return true;
      const { textLength, proseLength } = measures.of(element);
      if (verdict === 'doubtful' && proseLength > minProseLength) return true;
      if (verdict === 'hidden' && proseLength > Math.max(minProseLength, whole.proseLength * hiddenProseShare)) return true;
      if (textLength > whole.textLength * 0.5 || (proseLength > whole.proseLength * 0.5 && proseLength > 400)) return true;
      if (element.querySelector('h1') !== null) return true;
      marked.add(element);
      return false;
    },
    text: () => undefined,
    leave: () => undefined,
  });
}

const postWords = new Set(['post', 'message', 'comment', 'reply', 'answer']);

function isPost(element: DomElement): boolean {
  return wordsOf(element).some((word) => postWords.has(word));
}

/** Lists of links: most of the text is links. */
function markLinkLists(root: DomElement, measures: Measures, marked: Set<DomElement>): void {
  const whole = measures.of(root);
  walk(root, {
    enter(element) {
      if (isSilent(element) || marked.has(element)) return false;
      if (element === root || !listLike.has(element.localName)) return true;
      const { textLength, linkLength, linkCount, proseLength } = measures.of(element);
      if (textLength === 0 || linkCount < 2 || isPost(element)) return true;
      if (textLength > whole.textLength * 0.4) return true;
      if (proseLength > textLength * 0.3) return true;
      if (linkLength / textLength > 0.5) {
        marked.add(element);
        return false;
      }
      return true;
    },
    text: () => undefined,
    leave: () => undefined,
  });
}

/** What is shown without scripts counts only where the page without it says less: forums that draw themselves keep their posts there. */
function markNoscript(document: DomDocument, marked: Set<DomElement>): void {
  const blocks = [...document.querySelectorAll('noscript')];
  for (const block of blocks) marked.add(block);
  const visibleLength = measureText(document.body, (element) => isSilent(element) || marked.has(element)).of(document.body).textLength;
  for (const block of blocks) {
    const { textLength } = measureText(block, isSilent).of(block);
    if (textLength > 200 && textLength > visibleLength && block.querySelector('p, article') !== null) marked.delete(block);
  }
}

function chooseRoot(document: DomDocument, measures: Measures): DomElement {
  const whole = measures.of(document.body).textLength;
  for (const selector of [
    'main',
    '[role=main]',
    '[itemprop=articleBody]',
    'article',
    '#content',
    '#main',
    '#main-content',
    '.main-content',
  ]) {
    const found = [...document.querySelectorAll(selector)];
    const best = found.toSorted((a, b) => measures.of(b).textLength - measures.of(a).textLength)[0];
    if (best !== undefined && measures.of(best).textLength > whole * (found.length === 1 ? 0.5 : 0.8)) return best;
  }
  return document.body;
}

/** The innermost element that still holds nearly all running text: what stands beside it are columns and footers without a name. */
function narrow(root: DomElement, measures: Measures): DomElement {
  const whole = measures.of(root);
  let chosen = root;
  for (;;) {
    const next = [...chosen.children].find((child) => {
      const { textLength, proseLength } = measures.of(child);
      return proseLength >= whole.proseLength * narrowShare && textLength >= whole.textLength * narrowShare;
    });
    if (next === undefined || measures.of(next).proseLength < minProseLength) return chosen;
    chosen = next;
  }
}

/** What the page is about, and what inside of it is not. */
export function findMainContent(document: DomDocument, nature: PageNature): MainContent {
  const marked = new Set<DomElement>();
  const isLeftOut = (element: DomElement) => isSilent(element) || marked.has(element);
  markNoscript(document, marked);
  markFurniture(document.body, measureText(document.body, isLeftOut), nature, marked);
  const whole = measureText(document.body, isLeftOut);
  const chosen = chooseRoot(document, whole);
  const root = nature === 'article' ? narrow(chosen, whole) : chosen;
  const before = measureText(root, isLeftOut);
  const withLists = new Set(marked);
  markLinkLists(root, before, withLists);
  const kept = measureText(root, (element) => isSilent(element) || withLists.has(element)).of(root).textLength;
  if (kept >= before.of(root).textLength * minKeptShare) for (const element of withLists) marked.add(element);
  if (nature === 'forum') for (const quote of findRepeatedQuotes(root, isLeftOut)) marked.add(quote);
  return { root, isLeftOut, leftOut: marked, isTame: whole.costOfAllTexts <= maxTameCost && whole.maxDepth <= maxTameDepth };
}
