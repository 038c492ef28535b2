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
  /<!--[\s\S]*?(?:-->|$)|<(script|style|textarea|title)\b([^>]*)>[\s\S]*?(?:<\/\1\s*>|$)|<(\/?)([a-z][a-z0-9-]*)\b(?:[^"'>]*(?:"[^"]{0,20000}"|'[^']{0,20000}'))*[^"'>]*>|<(\/?)([a-z][a-z0-9-]*)\b[^>]*>|<[!?][^>]*>|<\/[^a-z][^>]*>|<(?![a-z/])|&(?=[#a-z])/gi;
// Void elements do not nest, and the parser closes these others by itself.
const notNesting =
  /^(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|p|li|dt|dd|tr|td|th|thead|tbody|tfoot|option|html|head|body)$/i;
const headingName = /^h[1-6]$/i;
const readAttribute =
  /\s(?:class|id|href|src|alt|lang|role|style|hidden|aria-hidden|rel|itemprop|itemtype|property|name|content|type|datetime|srcset|data-(?:src|original|lazy-src)|width|height)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?/gi;

/**
 * Makes of any markup one that is parsed in bounded time and memory, in one pass over its tags:
 * - What is never text (scripts but JSON-LD, styles, drawings, comments) goes.
 * - Tags that nest deeper than `maxDepth`, or come after `maxElements` others, go; their text stays. Parsing time grows with the
 *   square of the depth, and an element takes a hundred times the memory of its characters.
 * - A heading is closed by the end tag of any heading, as browsers do: else `<h1>…</h2>` makes a heading of the whole page.
 */
export function repairMarkup(html: string): string {
  const isLong = html.length > longDocument;
  let depth = 0;
  let elements = 0;
  let references = 0;
  let omitted = 0;
  let heading = '';
  let lastOmittedEnd = -1;

  const omit = (match: string, offset: number): string => {
    const isFirst = offset !== lastOmittedEnd;
    lastOmittedEnd = offset + match.length;
    return isFirst ? ' ' : '';
  };
  const lean = (match: string, name: string): string => {
    if (!isLong && match.length <= maxTagLength) return match;
    const attributes = match.match(readAttribute)?.join('') ?? '';
    return attributes.length > maxTagLength ? `<${name}>` : `<${name}${attributes}>`;
  };

  const repairPiece = (match: RegExpExecArray): string => {
    const [text, opaque, opaqueAttributes, slash, name, looseSlash, looseName] = match;
    const at = match.index;
    if (text === '&') {
      references += 1;
      return references > maxReferences ? omit(text, at) : text;
    }
    if (opaque !== undefined) {
      const isText = /^(?:textarea|title)$/i.test(opaque) || /ld\+json/i.test(opaqueAttributes ?? '');
      return isText ? text : omit(text, at);
    }
    const tag = name ?? looseName;
    if (tag === undefined) return /^<!doctype\b/i.test(text) ? text : omit(text, at);
    const isEnd = (slash ?? looseSlash) === '/';
    if (!isEnd) {
      elements += 1;
      if (elements > maxElements) {
        if (!notNesting.test(tag)) omitted += 1;
        return omit(text, at);
      }
    }
    if (headingName.test(tag)) {
      const closing = heading === '' ? '' : `</${heading}>`;
      heading = isEnd ? '' : tag;
      return isEnd ? closing : `${closing}${lean(text, tag)}`;
    }
    if (isEnd && elements > maxElements && notNesting.test(tag)) return omit(text, at);
    if (notNesting.test(tag) || text.endsWith('/>')) return isEnd ? text : lean(text, tag);
    if (isEnd) {
      if (omitted > 0) {
        omitted -= 1;
        return omit(text, at);
      }
      depth = Math.max(0, depth - 1);
      return text;
    }
    if (depth >= maxDepth) {
      omitted += 1;
      return omit(text, at);
    }
    depth += 1;
    return lean(text, tag);
  };

  // Piece by piece: `replace` would keep every match of a long document in memory before it writes the first.
  let done = '';
  let parts: string[] = [];
  let copiedTo = 0;
  for (const match of html.matchAll(piece)) {
    const repaired = repairPiece(match);
    if (repaired === match[0]) continue;
    parts.push(html.slice(copiedTo, match.index), repaired);
    copiedTo = match.index + match[0].length;
    if (parts.length < partsPerJoin) continue;
    done += parts.join('');
    parts = [];
  }
  return (done + parts.join('') + html.slice(copiedTo)).slice(0, maxRepairedLength);
}
