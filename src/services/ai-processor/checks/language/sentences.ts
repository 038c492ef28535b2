/** A sentence as it stands at characters [start, start + text.length) of its text. */
export type TextSentence = { readonly text: string; readonly start: number };

/** Abbreviations after which a full stop does not end a sentence, in lower case and without their last stop. */
const abbreviations = new Set('var ssp subsp spp sp cf aff e.g i.e eg ie approx ca vs fig dr mr mrs ms st prof resp incl vol'.split(' '));

const ending = /[.!?…]+["'”’)\]]*(?=\s|$)|\n+/g;

function endsInAbbreviation(before: string, next: string): boolean {
  const word = /[\p{L}\p{N}.°]+$/u.exec(before)?.[0] ?? '';
  if (/^no$/i.test(word)) return /\d/.test(next);
  // A single capital is an initial or a shortened genus: "J. Weidt", "A. nana".
  return (/^\p{Lu}$/u.test(word) && !/[\d°]\s*\p{Lu}$/u.test(before)) || abbreviations.has(word.toLowerCase());
}

/**
 * Splits prose into sentences. A line break always ends one; a full stop does not after an abbreviation, after a shortened genus
 * ("A. nana") or before a small letter. Works for every script that ends sentences with `.`, `!`, `?` or `…`.
 */
export function splitSentences(text: string): TextSentence[] {
  const sentences: TextSentence[] = [];
  let from = 0;
  const push = (to: number) => {
    const raw = text.slice(from, to);
    const trimmed = raw.trim();
    if (trimmed !== '') sentences.push({ text: trimmed, start: from + raw.indexOf(trimmed) });
    from = to;
  };
  ending.lastIndex = 0;
  for (let match = ending.exec(text); match; match = ending.exec(text)) {
    const end = match.index + match[0].length;
    if (match[0] === '.' || match[0] === '…') {
      const next = /^\s+["'“‘(]*(\S)/u.exec(text.slice(end, end + 8))?.[1];
      const endsLine = /^\s*\n/.test(text.slice(end, end + 4));
      if (!endsLine && next && (/\p{Ll}/u.test(next) || endsInAbbreviation(text.slice(Math.max(0, match.index - 12), match.index), next)))
        continue;
    }
    push(end);
  }
  push(text.length);
  return sentences;
}
