/**
 * American and British spellings of English words, brought to the British one, and plurals that no rule of suffixes reaches. What is asked
 * in one spelling is found in the other; the words are only compared, never shown.
 */
const irregularForms: ReadonlyMap<string, string> = new Map(
  (
    'leaves leaf|halves half|knives knife|shelves shelf|algae alga|larvae larva|fungi fungus|genera genus|nuclei nucleus|nauplii nauplius|' +
    'feet foot|teeth tooth|mice mouse|gray grey|mold mould|molds mould|moldy mouldy|molt moult|molts moult|molted moulted|molting moulting|' +
    'liter litre|liters litre|center centre|centers centre|fiber fibre|fibers fibre|aluminum aluminium|plow plough'
  )
    .split('|')
    .map((pair) => {
      const [from = '', to = ''] = pair.split(' ');
      return [from, to] as const;
    }),
);

const endingInZ = /(?<=[a-z]{3}[iy])z(?=(?:e|ed|er|ers|es|ing|able|ation|ations)$)/;
const endingInS = /(?<=[a-z]{3}[iy])s(?=(?:e|ed|er|ers|es|ing|able|ation|ations)$)/;
const wordsInOr = /^(col|flav|fav|behavi|harb|neighb|vap|od|vig|lab|hon)or(?!at)/;
const wordsInOur = /^(col|flav|fav|behavi|harb|neighb|vap|od|vig|lab|hon)our/;

/** One lower-case word. */
export function unifySpelling(word: string): string {
  const known = irregularForms.get(word);
  if (known !== undefined) return known;
  return word.replace(endingInZ, 's').replace(wordsInOr, '$1our').replace('sulf', 'sulph');
}

/** The word as either side of the Atlantic spells it, for a search that knows one of them only. */
export function spellingsOf(word: string): string[] {
  const british = unifySpelling(word);
  const american = british.replace(endingInS, 'z').replace(wordsInOur, '$1or').replace('sulph', 'sulf');
  return [...new Set([word, british, american])];
}
