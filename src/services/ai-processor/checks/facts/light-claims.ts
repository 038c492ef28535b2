import { type Claim, type Judgement, judgement, silent } from './claim.ts';
import type { Clause } from './clauses.ts';
import type { Species } from './subjects.ts';

type Level = 'low' | 'medium' | 'high';
/** How a light level is stated of a plant. */
type Mood = 'needs' | 'does_well' | 'tolerates' | 'does_not_need' | 'fails_in';

const lightWord = '(?:light(?:ing|ed)?|lit|illumination|lamps?|sun)';
const phrase = new RegExp(
  [
    `(?<any>(?:almost |nearly |practically |just about )?(?:any|all|every)(?: kinds? of| levels? of)?[ -]${lightWord}(?: levels?| conditions?)?)`,
    `(?<lowmid>(?:low|dim|weak|subdued)[ -](?:to[ -]|or )?(?:medium|moderate)[ -]${lightWord})`,
    `(?<midhigh>(?:medium|moderate)[ -](?:to[ -]|or )(?:high|strong|bright|intense)[ -]${lightWord})`,
    `(?<low>(?:low|dim|weak|subdued|poor|little|modest|faint|gentle)[ -]${lightWord}|(?:in|the|of|for|partial|deep|full|some|needs?|likes?|prefers?|loves?|wants?|tolerates?) (?:the )?shade\\b|(?:shaded|shady|dark|dim) (?:spots?|places?|corners?|areas?|positions?|tanks?|conditions?))`,
    `(?<medium>(?:medium|moderate|average|normal)[ -]${lightWord})`,
    `(?<high>(?:(?:high|strong|bright|intense|powerful|full|plenty of|lots of|a lot of|much)[ -]|very bright )${lightWord})`,
  ].join('|'),
  'g',
);

const levelsOf: Readonly<Record<string, readonly Level[]>> = {
  any: ['low', 'medium', 'high'],
  lowmid: ['low', 'medium'],
  midhigh: ['medium', 'high'],
  low: ['low'],
  medium: ['medium'],
  high: ['high'],
};

/** Words that may stand between a verb and the light it speaks of, at most eight of them and no other verb. */
const gap = "(?:[\\p{L}\\d'’.,%/-]+ ){0,8}?";
const adverb =
  '(?:very |quite |really |especially |equally |perfectly |particularly |absolutely |also |always |even |still |only |usually |often |certainly |definitely |actually )*';
const needs = new RegExp(
  `\\b(?:needs?|requires?|demands?|must have|has to have|have to have|depends? on|asks? for|calls? for|craves?|(?:only|nowhere but|just) (?:grows?|lives?|thrives?|survives?|does well) (?:in|under|with)|wants?|insists? on) ${gap}$`,
  'u',
);
const doesWell = new RegExp(
  `(?:\\b(?:prefers?|likes?|loves?|enjoys?|appreciates?|favou?rs?|thrives?|flourish(?:es)?|(?:is|are|feels?) ${adverb}(?:content|happy|happiest|fine|satisfied|at home|at its best|at their best|comfortable|suited|suitable|perfect|ideal|made)|do(?:es)? ${adverb}(?:well|best|fine|better)|looks? (?:its|their) best|grows? ${adverb}(?:well|best|happily|fine|nicely|perfectly|readily|easily)|suits?|suitable for|ideal for|perfect for|fits|(?:is|are) (?:a |an )?${adverb}) ${gap}|\\b(?:grows?|lives?|kept|grown|(?:carpets?|spreads?|roots?|fills in) (?:well|nicely|happily|fine|best|readily)) (?:even |fine )?(?:in|under|at|with) (?:a |the |very )?)$`,
  'u',
);
const tolerates = new RegExp(
  `\\b(?:tolerat\\w+|surviv\\w+|accepts?|withstands?|endures?|copes? with|manages? (?:in|with|under)|gets? by (?:in|with)|puts? up with|adapts? to|can live (?:in|with)) ${gap}$`,
  'u',
);
const negation = /\b(?:not|never|no|cannot|without|hardly|rarely|seldom|neither|nor|nothing)\b|n[’']t\b/;
/** The light is a circumstance of something else: "turns red in strong light", "than in low light". */
const circumstance =
  /\b(?:than|turns?|redd\w+|colou?rs?|colou?red|redder|stays?|remains?|compact|faster|slower|better|more|less|denser|taller|shorter|upright|flat|algae|too|if|when|because of|combined|despite)\b/;
/** "Needs good flow more than strong light", "needs a trim under strong light": the light is not what the verb asks for. */
const comparison =
  /\b(?:more|rather|less|other) than (?:[\p{L}-]+ )?$|\b(?:needs?|requires?|wants?|has to|must) [^,]*\b(?:under|in|with|during|below|despite|every|weeks?|days?) (?:a |the )?$/u;
const isRequiredAfter =
  /^ (?:is|are) (?:absolutely |strictly |always |also )?(?:needed|required|necessary|essential|a must|indispensable|vital|mandatory)\b/;
const isEnoughAfter =
  /^ (?:is|are) (?:quite |fully |perfectly |usually |already )?(?:enough|sufficient|fine|adequate|ideal|perfect|best(?= for\b| here\b|[,.;]|$))/;
const isCircumstance = /\b(?:under|in|with|of|from|by|at|despite|without) (?:an? |the |very )*$/;
const isNotNeededAfter = /^ (?:is|are) (?:not (?:needed|required|necessary|essential)|unnecessary|optional)\b/;

function moodOf(before: string, after: string): Mood | undefined {
  if (!isCircumstance.test(before)) {
    if (isRequiredAfter.test(after)) return 'needs';
    if (isEnoughAfter.test(after)) return 'does_well';
    if (isNotNeededAfter.test(after)) return 'does_not_need';
  }
  const mood: Mood | undefined = needs.test(before)
    ? 'needs'
    : tolerates.test(before)
      ? 'tolerates'
      : doesWell.test(before)
        ? 'does_well'
        : undefined;
  if (!mood || comparison.test(before)) return undefined;
  if (!negation.test(before)) return mood === 'does_well' && circumstance.test(before) ? undefined : mood;
  return mood === 'needs' ? 'does_not_need' : 'fails_in';
}

function judgeLight(levels: readonly Level[], mood: Mood, species: Species): Judgement {
  if (species.kind !== 'plant') return silent;
  const { light } = species.facts;
  const has = (level: Level) => light.includes(level);
  const isMet = levels.some(has);
  const known = `${light.join(', ')} light`;
  const only = levels.length === 1 ? levels[0] : undefined;
  if (levels.length === 3) return judgement(mood === 'does_well' && !levels.every(has), levels.every(has), known);
  if (mood === 'needs') return judgement((!isMet && only !== 'medium') || (only === 'high' && has('low')), isMet, known);
  if (mood === 'does_well') return judgement(!isMet && only !== 'medium', isMet, known);
  if (mood === 'tolerates') return judgement(false, isMet, known);
  if (mood === 'does_not_need')
    return judgement(only === 'high' && light.length === 1 && has('high'), only === 'high' && (has('low') || has('medium')), known);
  return judgement(only === 'low' && has('low'), only !== undefined && !has(only), known);
}

/** "An undemanding low-light plant", "needs strong light", "content in the shade", and what is denied of it. */
export function readLightClaims(clause: Clause, sentence: string): Claim[] {
  if (clause.isConditional || !/light|lit|shad|lamp|illumination|dark|dim/.test(clause.text)) return [];
  const claims: Claim[] = [];
  for (const match of clause.text.matchAll(phrase)) {
    const name = Object.keys(levelsOf).find((key) => match.groups?.[key] !== undefined);
    const levels = levelsOf[name ?? ''];
    const last = clause.governing.findLast(({ end }) => end <= match.index);
    const before = clause.text.slice(Math.max(clause.start, last?.end ?? 0), match.index);
    // "needs shade": the verb is part of the phrase.
    const verb = /^(?:needs?|likes?|prefers?|loves?|wants?|tolerates?)(?= )/.exec(match[0])?.[0];
    const mood = moodOf(verb ? `${before}${verb} ` : before, clause.text.slice(match.index + match[0].length));
    if (!levels || !mood) continue;
    const end = match.index + match[0].length;
    // The finding covers the verb too, unless that stands far away.
    const start =
      before.length <= 60
        ? match.index - before.replace(/^[\s,]*(?:(?:and|but|although|though|while|which|it|they) )*/, '').length
        : match.index;
    claims.push({
      field: 'light',
      stated: sentence.slice(start, end),
      start,
      end,
      judge: (species) => judgeLight(levels, mood, species),
    });
  }
  return claims;
}
