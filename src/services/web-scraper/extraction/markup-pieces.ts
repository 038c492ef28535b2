export type MarkupPiece = {
  /**
   * `opaque`: an element with all of its content, which is no markup. `noise`: a comment, a declaration or what only looks like
   * a tag. `reference`: the ampersand of a character reference.
   */
  readonly kind: 'start' | 'end' | 'opaque' | 'doctype' | 'noise' | 'reference';
  readonly index: number;
  readonly end: number;
  /** Of a tag, in lower case. */
  readonly name: string;
  /** Where the start tag of an opaque element ends. */
  readonly tagEnd: number;
  /** A quote in it never ends. */
  readonly isUnquoted: boolean;
};

const opening = /<(?:(!--)|(\/?)([a-z][a-z0-9-]*)|([!?/]))?|&(?=[#a-z])/gi;
const opaqueNames = new Set(['script', 'style', 'textarea', 'title']);
const blank = /\s/;

/** Finds where tags end as browsers do: a quote counts only where a value begins, so that a stray one swallows nothing. */
function createTagEndFinder(html: string) {
  // Asked once for each kind of quote: without this, every one of many quotes without end would be looked for again.
  const lastQuote = { '"': html.lastIndexOf('"'), "'": html.lastIndexOf("'") };
  return (from: number): { readonly end: number; readonly isUnquoted: boolean } => {
    for (let at = from; at < html.length; at += 1) {
      const character = html[at];
      if (character === '>') return { end: at + 1, isUnquoted: false };
      if (character !== '=') continue;
      let value = at + 1;
      while (value < html.length && blank.test(html[value] ?? '')) value += 1;
      const quote = html[value];
      if (quote !== '"' && quote !== "'") continue;
      if (lastQuote[quote] <= value) return { end: endAfter(html, '>', from), isUnquoted: true };
      at = html.indexOf(quote, value + 1);
    }
    return { end: html.length, isUnquoted: true };
  };
}

function endAfter(html: string, text: string, from: number): number {
  const at = html.indexOf(text, from);
  return at === -1 ? html.length : at + text.length;
}

function endOfComment(html: string, index: number): number {
  const empty = /^<!---?>/.exec(html.slice(index, index + 6));
  return empty === null ? endAfter(html, '-->', index + 4) : index + empty[0].length;
}

function endOfElement(html: string, name: string, from: number): number {
  const closing = new RegExp(`</${name}[^>]*>`, 'gi');
  closing.lastIndex = from;
  return closing.exec(html) === null ? html.length : closing.lastIndex;
}

/** Reads markup piece by piece, from left to right, without text; in time that grows with its length alone. */
export function* readPieces(html: string): Generator<MarkupPiece> {
  const findTagEnd = createTagEndFinder(html);
  const finder = new RegExp(opening);
  for (let match = finder.exec(html); match !== null; match = finder.exec(html)) {
    const { index } = match;
    const [text, comment, slash, tag, other] = match;
    const name = tag?.toLowerCase() ?? '';
    const piece = { index, name, tagEnd: index, isUnquoted: false };
    if (text === '&') yield { ...piece, kind: 'reference', end: index + 1 };
    else if (comment !== undefined) yield { ...piece, kind: 'noise', end: (finder.lastIndex = endOfComment(html, index)) };
    else if (tag !== undefined) {
      const { end: tagEnd, isUnquoted } = findTagEnd(finder.lastIndex);
      const isOpaque = slash === '' && opaqueNames.has(name) && html[tagEnd - 2] !== '/';
      const end = isOpaque ? endOfElement(html, name, tagEnd) : tagEnd;
      finder.lastIndex = end;
      yield { ...piece, kind: isOpaque ? 'opaque' : slash === '/' ? 'end' : 'start', end, tagEnd, isUnquoted };
    } else if (other !== undefined) {
      const isDoctype = /^<!doctype\b/i.test(html.slice(index, index + 10));
      yield { ...piece, kind: isDoctype ? 'doctype' : 'noise', end: (finder.lastIndex = endAfter(html, '>', finder.lastIndex)) };
    } else yield { ...piece, kind: 'noise', end: index + 1 };
  }
}
