const maxDepth = 400;
const maxElements = 50_000;
/** The parser makes a piece of text of its own of each character reference. */
const maxReferences = 100_000;
/** Without scripts and comments no page that people read comes near it. */
const maxRepairedLength = 3_000_000;
const partsPerJoin = 10_000;
const maxTagLength = 10_000;
/** Longer documents are rid of the attributes that nobody reads, for they would take more memory than all text. */
const longDocument = 1_000_000;

// A comment; an element whose content is no markup; a tag, whose quoted values may hold ">"; a tag with a quote that never ends;
// declarations, what only looks like a tag, and character references.
const piece =
  /<!--[\s\S]*?(?:-->|$)|<(script|style|textarea|title)\b([^>]*)>[\s\S]*?(?:<\/\1\s*>|$)|<(\/?)([a-z][a-z0-9-]*)\b(?:[^"'>]*(?:"[^"]{0,200000}"|'[^']{0,200000}'))*[^"'>]*>|<(\/?)([a-z][a-z0-9-]*)\b[^>]*>|<[!?][^>]*>|<\/[^a-z][^>]*>|<(?![a-z/])|&(?=[#a-z])/gi;
// Void elements do not nest, and the parser closes these others by itself.
const notNesting =
  /^(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|p|li|dt|dd|tr|td|th|thead|tbody|tfoot|option|html|head|body)$/i;
const headingName = /^h[1-6]$/i;
const readAttribute =
  /\s(?:class|id|href|src|alt|lang|role|style|hidden|aria-hidden|rel|itemprop|itemtype|property|name|content|type|datetime|srcset|data-(?:src|original|lazy-src)|width|height)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?/gi;

/** The tag with those of its attributes that are read. */
function bare(text: string, tag: string): string {
  const attributes = text.match(readAttribute)?.join('') ?? '';
  return attributes.length > maxTagLength ? `<${tag}>` : `<${tag}${attributes}>`;
}

/** What stands for each piece of the markup, given in order. */
function createRepairer(isLong: boolean): (match: RegExpExecArray) => string {
  let depth = 0;
  let elements = 0;
  let references = 0;
  /** Start tags that were left out and whose end tags are still to come. */
  let omittedOpen = 0;
  let heading = '';
  let lastOmittedEnd = -1;

  /** A blank stands for a run of what is left out, so that words stay apart. */
  const omit = (text: string, offset: number): string => {
    const isFirst = offset !== lastOmittedEnd;
    lastOmittedEnd = offset + text.length;
    return isFirst ? ' ' : '';
  };
  const lean = (text: string, tag: string): string => (!isLong && text.length <= maxTagLength ? text : bare(text, tag));
  const closeHeading = (next: string): string => {
    const closing = heading === '' ? '' : `</${heading}>`;
    heading = next;
    return closing;
  };

  function startTag(text: string, tag: string, offset: number): string {
    // Drawings are full of tags that close themselves.
    const isNesting = !notNesting.test(tag) && !text.endsWith('/>');
    elements += 1;
    if (elements > maxElements || (isNesting && depth >= maxDepth)) {
      if (isNesting) omittedOpen += 1;
      return omit(text, offset);
    }
    if (headingName.test(tag)) return `${closeHeading(tag)}${lean(text, tag)}`;
    if (isNesting) depth += 1;
    return lean(text, tag);
  }

  function endTag(text: string, tag: string, offset: number): string {
    if (headingName.test(tag)) return closeHeading('');
    if (notNesting.test(tag)) return elements > maxElements ? omit(text, offset) : text;
    if (omittedOpen > 0) {
      omittedOpen -= 1;
      return omit(text, offset);
    }
    depth = Math.max(0, depth - 1);
    return text;
  }

  return ({ 0: text, 1: opaque, 2: opaqueAttributes, 3: slash, 4: name, 5: looseSlash, 6: looseName, index }) => {
    if (text === '&') {
      references += 1;
      return references > maxReferences ? omit(text, index) : text;
    }
    if (opaque !== undefined) {
      const isText = /^(?:textarea|title)$/i.test(opaque) || /ld\+json/i.test(opaqueAttributes ?? '');
      return isText ? text : omit(text, index);
    }
    if (name !== undefined) return slash === '/' ? endTag(text, name, index) : startTag(text, name, index);
    // A quote that never ends would swallow the rest of the page: the attribute goes.
    if (looseName !== undefined) {
      return looseSlash === '/' ? endTag(`</${looseName}>`, looseName, index) : startTag(bare(text, looseName), looseName, index);
    }
    return /^<!doctype\b/i.test(text) ? text : omit(text, index);
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
  const repair = createRepairer(html.length > longDocument);
  // Piece by piece: `replace` would keep every match of a long document in memory before it writes the first.
  let done = '';
  let parts: string[] = [];
  let copiedTo = 0;
  for (const match of html.matchAll(piece)) {
    const repaired = repair(match);
    if (repaired === match[0]) continue;
    parts.push(html.slice(copiedTo, match.index), repaired);
    copiedTo = match.index + match[0].length;
    if (parts.length < partsPerJoin) continue;
    done += parts.join('');
    parts = [];
  }
  return (done + parts.join('') + html.slice(copiedTo)).slice(0, maxRepairedLength);
}
