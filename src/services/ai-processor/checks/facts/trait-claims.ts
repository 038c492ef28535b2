import { type Claim, type Judgement, judgement, plainWords, silent } from './claim.ts';
import type { Clause } from './clauses.ts';
import type { Species } from './subjects.ts';

/** A wording and what it states; `judge` holds it against one species. */
type Trait = {
  readonly field: string;
  readonly pattern: RegExp;
  /** The statement does not count when this stands before it, or that after it, in the clause. */
  readonly notBefore?: RegExp;
  readonly notAfter?: RegExp;
  readonly judge: (species: Species, text: string) => Judgement;
};

const negated =
  /(?:\b(?:not|never|no|hardly|rarely|cannot|neither|nor|without|less|far from|anything but)\b|n[’']t\b)(?: [\p{L}-]+){0,5} ?$/u;
const degree = '(?:very |quite |extremely |rather |so |really |fairly |relatively |exceptionally |comparatively )*';
const isA = `(?:(?:\\b(?:is|are|as|being|remains?|counts? as|makes?|considered)|,(?= an? )) (?:(?:one of|among) )?(?:an? |the |some of the |very |most |rather |quite |truly |really |extremely |fairly |popular |small |hardy |classic |compact |good |perfect |lovely |tough |robust |green |red |pretty |beautiful |real |neat |nice |tall |low |dense )*)`;

function plantTrait(field: 'growth_rate' | 'difficulty', known: (species: Species) => string, opposite: string, stated: string) {
  return (species: Species): Judgement => {
    const value = known(species);
    return value === '' ? silent : judgement(value === opposite, value === stated, `${plainWords(field)} ${value}`);
  };
}

const growthOf = (species: Species) => (species.kind === 'plant' ? species.facts.growth_rate : '');
const difficultyOf = (species: Species) => species.facts.difficulty;
const comparison =
  /^[\s\p{L}]{0,12}\b(?:than|as|when|if|until|in (?:the )?first|at first|initially|after|in (?:low|weak|dim|cool|cold|poor|little)|without|with|under|during|under)\b/u;

const growth: readonly Trait[] = [
  {
    field: 'growth_rate',
    pattern: new RegExp(
      `${isA}${degree}(?:fast|quick|rapid|vigorous)(?:[- ]growing|(?:est)?[- ]grow(?:er|ers|ing)|[- ](?:plants?|stems?|growth))|\\b(?:grows?|spreads?) ${degree}(?:fast|quickly|rapidly|vigorously)\\b|\\bgrowth is ${degree}(?:fast|quick|rapid|vigorous)\\b`,
      'gu',
    ),
    notBefore: negated,
    notAfter: comparison,
    judge: plantTrait('growth_rate', growthOf, 'slow', 'fast'),
  },
  {
    field: 'growth_rate',
    pattern: new RegExp(
      `${isA}${degree}slow(?:[- ]growing|(?:est)?[- ]grow(?:er|ers|ing)|[- ](?:plants?|stems?|growth))|\\b(?:grows?|spreads?) ${degree}slowly\\b|\\bgrowth is ${degree}slow\\b`,
      'gu',
    ),
    notBefore: negated,
    notAfter: comparison,
    judge: plantTrait('growth_rate', growthOf, 'fast', 'slow'),
  },
];

const toDoOther =
  /^[\s\p{L}-]{0,24}?\bto (?!grow|keep|care|cultivate|maintain|look after)|^ (?:of the|than|in|enough|for (?!beginners|newcomers|the beginner|a beginner|anyone|everyone|experts?|advanced|experienced))|^[- ]to-(?!grow|keep)/u;
const beginners =
  '(?:suitable|ideal|perfect|good|great|fine|right|recommended|best|made|excellent|a good choice|an easy choice) for (?:absolute |complete |all |every |the |a )*(?:beginners?|newcomers?|first[- ]timers?|novices?)';
const experts = '(?:(?:suitable |only |best |something |one |a plant |meant )*for (?:the )?(?:experts?|advanced|experienced|specialists?))';

const difficulty: readonly Trait[] = [
  {
    field: 'difficulty',
    pattern: new RegExp(
      `${isA}(?:easy|undemanding|easy[- ]going|unfussy|forgiving|beginner|beginner[- ]friendly|easiest(?= (?:[\\p{L}]+ )?(?:plants?|fish|shrimps?|snails?|animals?|species|ferns?|mosses)))\\b|\\b(?:is|are) ${degree}${beginners}`,
      'gu',
    ),
    notBefore: negated,
    notAfter: toDoOther,
    judge: plantTrait('difficulty', difficultyOf, 'hard', 'easy'),
  },
  {
    field: 'difficulty',
    pattern: new RegExp(
      `${isA}(?:difficult|demanding|challenging|fussy|hard to (?:grow|keep))\\b|\\b(?:is|are) ${degree}(?:${experts}|(?:not|un)[- ]?(?:${beginners}|easy|easy to (?:grow|keep)))`,
      'gu',
    ),
    notBefore: /(?:\b(?:not|never|less|hardly|far from|anything but|more)\b|n[’']t\b)(?: [\p{L}-]+){0,3} ?$/u,
    notAfter: toDoOther,
    judge: plantTrait('difficulty', difficultyOf, 'easy', 'hard'),
  },
];

type Place = 'foreground' | 'midground' | 'background' | 'floating';

/** Places next to each other are no contradiction; an epiphyte may stand wherever its wood stands. */
function judgePlace(stated: Place, species: Species): Judgement {
  if (species.kind !== 'plant') return silent;
  const { placement } = species.facts;
  const known = `placement ${placement.join(', ')}`;
  const has = (place: Place) => placement.includes(place);
  if (has(stated)) return judgement(false, true, known);
  if (placement.every((place) => place === 'floating')) return judgement(true, false, known);
  if (stated === 'floating') return judgement(true, false, known);
  const isFar = (stated === 'foreground' && !has('midground')) || (stated === 'background' && !has('midground'));
  const isTall = stated === 'foreground' && species.facts.height_cm.min >= 15;
  return judgement((isFar || isTall) && !placement.includes('epiphyte'), false, known);
}

const placeOf = (text: string): Place =>
  /floating/.test(text)
    ? 'floating'
    : /background|back of/.test(text)
      ? 'background'
      : /midground|middle/.test(text)
        ? 'midground'
        : 'foreground';

const placement: Trait = {
  field: 'placement',
  pattern: new RegExp(
    `${isA}(?:[\\p{L}]+[- ](?:growing )?)?(?:foreground|background|midground|floating|carpet(?:ing)?)(?: and (?:midground|background|foreground))? (?:plants?|species|ferns?)|\\b(?:belongs?|goes|fits?|placed|planted|suits?|made|ideal|perfect|best) (?:best |well )?(?:in|for|to|at) the (?:foreground|background|midground|front|back) (?!of the (?:leaf|leaves))`,
    'gu',
  ),
  notBefore: negated,
  judge: (species, text) => judgePlace(placeOf(text), species),
};

function animalTrait(judge: (facts: Extract<Species, { kind: 'animal' }>['facts']) => Judgement) {
  return (species: Species): Judgement => (species.kind === 'animal' ? judge(species.facts) : silent);
}

const shrimpLife = /\b(?:young|newborn|baby|babies|shrimplets?|fry|offspring|juveniles?|small|tiny|larvae|some)\b/;
const shrimp =
  '(?:(?:adult|dwarf|cherry|grown|larger|bigger|amano|all|any|full-grown|ornamental|neocaridina|caridina|snails and|snails or|fish and) )*shrimps?';

const animals: readonly Trait[] = [
  {
    field: 'shrimp_safe',
    pattern: new RegExp(
      `\\b(?:(?:is|are|be|considered) (?:[\\p{L}]+ )?(?:shrimp[- ]safe|safe (?:companions? |tank mates? |neighbours? )?(?:with|for|to|around|beside) ${shrimp}|harmless (?:to|for) ${shrimp})|leaves? ${shrimp} alone|ignores? ${shrimp}|never (?:touch|eat|harm)(?:es|s)? ${shrimp})`,
      'gu',
    ),
    notBefore: negated,
    judge: animalTrait(({ shrimp_safe: isSafe }) => judgement(!isSafe, isSafe, isSafe ? 'safe with adult shrimp' : 'not safe with shrimp')),
  },
  {
    field: 'shrimp_safe',
    pattern: new RegExp(
      `\\b(?:hunts?|eats?|preys? on|kills?|devours?|attacks?|feeds? on|picks? off) (?:snails and )?${shrimp}|\\b(?:is|are) (?:[\\p{L}]+ )?(?:not|un)[- ]?(?:shrimp[- ]safe|safe (?:with|for|around) ${shrimp})|\\b(?:is|are) (?:a )?(?:danger(?:ous)?|threat) (?:to|for) ${shrimp}`,
      'gu',
    ),
    notBefore: /(?:\b(?:not|never|no|hardly|rarely|cannot|seldom|without|too small to|young|dead)\b|n[’']t\b)(?: [\p{L}-]+){0,3} ?$/u,
    notAfter: /^[\s\p{L}]{0,12}\b(?:fry|eggs?|larvae|babies|food|pellets|flakes|young|offspring)\b/u,
    judge: animalTrait(({ shrimp_safe: isSafe }) => judgement(isSafe, !isSafe, isSafe ? 'safe with adult shrimp' : 'not safe with shrimp')),
  },
  {
    field: 'plant_safe',
    pattern:
      /\b(?:eats?|destroys?|devours?|uproots?|shreds?) (?:all |healthy |live |living |aquarium |soft |most )*plants\b|\b(?:is|are) not (?:plant[- ]safe|safe (?:with|for) plants)\b/g,
    notBefore: negated,
    notAfter: /^[- ](?:based|food|matter|remains|debris)/,
    judge: animalTrait(({ plant_safe: isSafe }) => judgement(isSafe, !isSafe, isSafe ? 'safe with plants' : 'not safe with plants')),
  },
  {
    field: 'plant_safe',
    pattern:
      /\b(?:is|are) (?:[\p{L}]+ )?(?:plant[- ]safe|safe (?:with|for|to) (?:live |aquarium )?plants)\b|\bleaves? (?:the )?plants alone\b/gu,
    notBefore: negated,
    judge: animalTrait(({ plant_safe: isSafe }) => judgement(!isSafe, isSafe, isSafe ? 'safe with plants' : 'not safe with plants')),
  },
  {
    field: 'diet',
    pattern: new RegExp(`${isA}(?:pure |strict |mostly |mainly |purely |strictly )*(?:herbivor(?:es?|ous)|vegetarians?)\\b`, 'gu'),
    notBefore: negated,
    judge: animalTrait(({ diet }) => judgement(diet === 'carnivore', diet === 'herbivore', diet)),
  },
  {
    field: 'diet',
    pattern: new RegExp(`${isA}(?:pure |strict |mostly |mainly |purely |strictly )*(?:carnivor(?:es?|ous)|predators?)\\b`, 'gu'),
    notBefore: negated,
    judge: animalTrait(({ diet }) => judgement(diet === 'herbivore', diet === 'carnivore', diet)),
  },
];

const rhizome: Trait = {
  field: 'notes',
  pattern:
    /\brhizomes?\b[^.]{0,40}?\b(?:should|must|has to|have to|needs? to|can|may|is best|are best) (?:be )?(?:fully |completely |well |deeply )?(?:buried|covered|planted (?:deep )?in)|\b(?:bury|cover) (?:the |its |their )?(?:whole )?rhizomes?\b|\b(?:should|must|loves? to|likes? to|needs? to|wants? to|prefers? to|has to|have to|is best|are best) (?:be )?planted (?:deep |deeply |directly |firmly )?(?:in|into) the (?:gravel|substrate|soil|sand|ground)\b(?!.*(?:rhizome|above|exposed))/g,
  notBefore: /(?:\b(?:not|never|no|do not|avoid|without)\b|n[’']t\b)(?: [\p{L}-]+){0,3} ?$/u,
  judge: (species) => {
    if (
      species.kind !== 'plant' ||
      !species.facts.placement.includes('epiphyte') ||
      !species.facts.propagation.includes('rhizome division')
    )
      return silent;
    return judgement(true, false, 'an epiphyte whose rhizome stays above the substrate');
  },
};

const hardWater =
  /\b(?:prefers?|needs?|requires?|likes?|loves?|wants?|do(?:es)? best in|thrives? in|demands?) (?:very |quite |cool |warm |clean |moderately )*(?:hard|alkaline|mineral-rich)(?:,? (?:and )?alkaline)? water\b/g;
const softWater =
  /\b(?:prefers?|needs?|requires?|likes?|loves?|wants?|do(?:es)? best in|thrives? in|demands?) (?:very |quite |cool |warm |clean )*soft(?:,? (?:and )?(?:slightly )?acidic?)? water\b/g;

const water: readonly Trait[] = [
  {
    field: 'hardness_dgh',
    pattern: hardWater,
    notBefore: negated,
    judge: ({ facts }) =>
      judgement(facts.hardness_dgh.max <= 10, facts.hardness_dgh.max >= 18, `${facts.hardness_dgh.min}–${facts.hardness_dgh.max} °dGH`),
  },
  {
    field: 'hardness_dgh',
    pattern: softWater,
    notBefore: negated,
    judge: ({ facts }) =>
      judgement(facts.hardness_dgh.min >= 8, facts.hardness_dgh.min <= 4, `${facts.hardness_dgh.min}–${facts.hardness_dgh.max} °dGH`),
  },
];

const traits: readonly Trait[] = [...growth, ...difficulty, placement, ...animals, rhizome, ...water];

/** Growth, difficulty, place in the tank, diet, company and the like, as plain wordings. */
export function readTraitClaims(clause: Clause, sentence: string): Claim[] {
  if (clause.isConditional) return [];
  const claims: Claim[] = [];
  for (const trait of traits) {
    for (const match of clause.text.matchAll(trait.pattern)) {
      const start = match.index;
      const end = start + match[0].length;
      const isAbout = clause.governing.some(
        (mention) => mention.end <= start || mention.start < clause.start || mention.end <= end || mention.start >= end,
      );
      if (!isAbout || trait.notBefore?.test(clause.text.slice(clause.start, start)) || trait.notAfter?.test(clause.text.slice(end)))
        continue;
      if (trait.field === 'shrimp_safe' && shrimpLife.test(clause.text.slice(clause.start, end + 20))) continue;
      const stated = sentence.slice(start, end).replace(/^[\s,]+/, '');
      claims.push({ field: trait.field, stated, start: end - stated.length, end, judge: (species) => trait.judge(species, match[0]) });
    }
  }
  return claims;
}
