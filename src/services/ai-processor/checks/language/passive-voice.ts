const irregularParticiples = new Set(
  'beaten become begun bent bitten bled blown born borne bought bound bred broken brought built burnt burst caught chosen cut dealt done drawn driven dug eaten fallen fed felt fixed flung forbidden forgotten found frozen given gone ground grown held hidden hit hung hurt kept known laid led left lent let lit lost made meant met mown paid proven put read ridden risen rubbed run said seen sent set sewn shaken shed shown shut sold sown spent split spread stolen stuck sunk swept taken taught thinned thrown tied told torn trodden understood used woken won worn wound woven written'.split(
    ' ',
  ),
);
/** Participles that are plain adjectives in this trade: "is needed" is passive, "is tired", "is based" and "are located" are not. */
const adjectives = new Set('based related limited advanced located tired interested supposed red bred need speed indeed exceed'.split(' '));

const passive =
  /\b(?:am|is|are|was|were|be|been|being|gets?|got)\s+(?:(?:not|never|often|usually|always|then|only|also|best|easily|\p{L}+ly)\s+){0,2}(\p{L}+)/giu;

/** Whether an English sentence has a verb in the passive: a form of "be" and a past participle, with adverbs between them. */
export function hasPassive(sentence: string): boolean {
  passive.lastIndex = 0;
  for (let match = passive.exec(sentence); match; match = passive.exec(sentence)) {
    const participle = (match[1] ?? '').toLowerCase();
    if (adjectives.has(participle)) continue;
    if (irregularParticiples.has(participle) || /[^e]ed$/.test(participle)) return true;
  }
  return false;
}
