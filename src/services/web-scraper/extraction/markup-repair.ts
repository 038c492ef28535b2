import { type MarkupPiece, readPieces } from './markup-pieces.ts';

const maxDepth = 400;
const maxElements = 50_000;
/** The parser makes a piece of text of its own of each character reference. */
const maxReferences = 100_000;
const maxTagLength = 10_000;
/** Without scripts and comments no page that people read comes near it. */
const maxRepairedLength = 3_000_000;
/** Longer documents are rid of the attributes that nobody reads, for they would take more memory than all text. */
const longDocument = 1_000_000;
const partsPerJoin = 10_000;

// Void elements do not nest, and the parser closes these others by itself.
const notNesting =
  /^(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|p|li|dt|dd|tr|td|th|thead|tbody|tfoot|option|html|head|body)$/;
const headingName = /^h[1-6]$/;
const readAttribute =
  /\s(?:class|id|href|src|alt|lang|role|style|hidden|aria-hidden|rel|itemprop|itemtype|property|name|content|type|datetime|srcset|data-(?:src|original|lazy-src)|width|height)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?/gi;

/** The tag with those of its attributes that are read. */
function bare(text: string, tag: string): string {
  const attributes = text.match(readAttribute)?.join('') ?? '';
  return attributes.length > maxTagLength ? `<${tag}>` : `<${tag}${attributes}>`;
}

/** What stands for each piece of the markup, given in order; `undefined`: the piece itself. */
function createRepairer(html: string): (piece: MarkupPiece) => string | undefined {
  const isLong = html.length > longDocument;
  let depth = 0;
  let elements = 0;
  let references = 0;
  /** Start tags that were left out and whose end tags are still to come. */
  let omittedOpen = 0;
  let heading = '';
  let lastOmittedEnd = -1;

  /** A blank stands for a run of what is left out, so that words stay apart. */
  const omit = ({ index, end }: MarkupPiece): string => {
    const isFirst = index !== lastOmittedEnd;
    lastOmittedEnd = end;
    return isFirst ? ' ' : '';
  };
  const closeHeading = (next: string): string => {
    const closing = heading === '' ? '' : `</${heading}>`;
    heading = next;
    return closing;
  };

  function startTag(piece: MarkupPiece): string | undefined {
    const { name, index, end, isUnquoted } = piece;
    // Drawings are full of tags that close themselves.
    const isNesting = !notNesting.test(name) && html[end - 2] !== '/';
    elements += 1;
    if (elements > maxElements || (isNesting && depth >= maxDepth)) {
      if (isNesting) omittedOpen += 1;
      return omit(piece);
    }
    if (isNesting && !headingName.test(name)) depth += 1;
    // A quote that never ends would swallow the rest of the page: the attribute goes.
    const isReduced = isLong || isUnquoted || end - index > maxTagLength;
    const tag = isReduced ? bare(html.slice(index, end), name) : undefined;
    return headingName.test(name) ? `${closeHeading(name)}${tag ?? html.slice(index, end)}` : tag;
  }

  function endTag(piece: MarkupPiece): string | undefined {
    if (headingName.test(piece.name)) return closeHeading('');
    if (notNesting.test(piece.name)) return elements > maxElements ? omit(piece) : undefined;
    if (omittedOpen > 0) {
      omittedOpen -= 1;
      return omit(piece);
    }
    depth = Math.max(0, depth - 1);
    return undefined;
  }

  return (piece) => {
    switch (piece.kind) {
      case 'start':
        return startTag(piece);
      case 'end':
        return endTag(piece);
      case 'reference':
        references += 1;
        return references > maxReferences ? omit(piece) : undefined;
      case 'opaque': {
        const isRead = piece.name === 'title' || piece.name === 'textarea' || /ld\+json/i.test(html.slice(piece.index, piece.tagEnd));
        return isRead ? undefined : omit(piece);
      }
      case 'doctype':
        return undefined;
      case 'noise':
        return omit(piece);
    }
  };
}

/**
 * Makes of any markup one that is parsed in bounded time and memory, in one pass over its tags:
 * - What is never text (scripts but JSON-LD, styles, comments) goes.
 * - Tags that nest deeper than `maxDepth`, or come after `maxElements` others, go; their text stays. Parsing time grows with the
 *   square of the depth, and an element takes a hundred times the memory of its characters.
 * - A heading is closed by the end tag of any heading, as browsers do: else `<h1>…</h2>` makes a heading of the whole page.
 */
export function repairMarkup(html: string): string {
  const repair = createRepairer(html);
  // Joined now and then: the pieces of a long document would take more memory than the document.
  let done = '';
  let parts: string[] = [];
  let copiedTo = 0;
  for (const piece of readPieces(html)) {
    const repaired = repair(piece);
    if (repaired === undefined) continue;
    parts.push(html.slice(copiedTo, piece.index), repaired);
    copiedTo = piece.end;
    if (parts.length < partsPerJoin) continue;
    done += parts.join('');
    parts = [];
  }
  return (done + parts.join('') + html.slice(copiedTo)).slice(0, maxRepairedLength);
}
