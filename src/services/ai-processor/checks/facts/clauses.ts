import type { Mention } from './mentions.ts';
import { isSameSubject, narrower } from './mentions.ts';
import type { Subject } from './subjects.ts';

/** A part of a sentence with one verb or so, and the subjects that its statements are about (none when that is not clear). */
export type Clause = {
  /** The sentence in lower case with everything outside the clause blanked, so that places stay those of the sentence. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly subjects: readonly Subject[];
  /** The mentions that govern it, for statements that need to stand near a name. */
  readonly governing: readonly Mention[];
  readonly isConditional: boolean;
};

type Span = { readonly start: number; readonly end: number; readonly isParenthesis: boolean };

const boundary =
  /[;:]|\s[–—]\s|,?\s(?=(?:but|while|whereas|although|though|because|since|so|yet|if|when|whenever|unless|until|once|after|before|provided)\s)|,\s(?=(?:and|or|which|where|who|whose|nor|for)\s)|(?<=\b(?:with|beside|besides|for|than|like|among|over|under|to|from|by|near|against) (?:[a-z]+ ){0,2}(?:plants|species|stems|ones|fish|tanks|companions|neighbours|animals))\s(?=(?:that|who)\s)/g;
const conditional = /^[\s,]*(?:and |or |but )?(?:if|when|whenever|unless|until|once|after|before|provided|as long as|should)\s/;
/** Words before a name that do not change its role: "most of the larger", "a group of ten". */
const transparent =
  /^(?:an?|the|most|some|many|several|few|all|both|other|your|our|my|his|her|their|this|these|that|those|of|adult|wild|healthy|popular|larger|smaller|large|small|beautiful|classic|common|species|varieties|forms|kinds|types|like|and|or|also|even|\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|fifteen|twenty|groups?|shoals?|schools?|colon(?:y|ies)|pairs?|pots?|ordinary|typical|every|each|any)$/;
const oblique = new Set(
  'with over above near on under underneath beneath beside besides behind between among from against unlike than around in into inside onto to as without like versus vs towards through except eat eats ate hunt hunts hunted kill kills chase chases nip nips shade shades resemble resembles replace replaces outgrow outgrows harm harms damage damages cover covers hide hides add adds graze grazes attack attacks smother smothers not called about at before after beyond past'.split(
    ' ',
  ),
);
const afterOblique =
  /^\s*(?:tanks?|aquariums?|aquaria|lamps?|corners?|setups?|keepers?|breeders?|fans|lovers|shop|forum|layouts?|bowls?|vases?)\b/;
const lead =
  '^[\\s,-]*(?:(?:and|but|yet|so|because|since|while|though|although|however|still|therefore|also|here|in general|generally|usually|ideally|which means(?: that)?|this means(?: that)?|as a result)[\\s,]+)*';
const pronoun = new RegExp(`${lead}(?:(?:put|place|plant|keep|use|give|house|set) )?(?:it|they|them|its|their)\\b`);
/** "The temperature should be …" after a sentence about one species is still about it. */
const waterTopic = new RegExp(
  `${lead}(?:the |an? )?(?:ideal |optimal |optimum |best |recommended |water |general )*(?:temperature|ph|hardness)(?: \\(gh\\)| levels?| values?| range)* (?:should|must|is best|is ideally|can be kept|ranges?|lies)\\b|${lead}(?:aim for|keep (?:the )?(?:water|temperature|ph))\\b`,
);
const plantPronoun = new RegExp(
  `${lead}(?:the|this|these|such) (?:(?:small|little|undemanding|slow|fast|pretty|popular|hardy|robust) )?(?:plants?|ferns?|moss(?:es)?|species|carpets?|stems?|crypts?)\\b`,
);
const animalPronoun = new RegExp(
  `${lead}(?:the|this|these|such) (?:(?:small|little|peaceful|tiny|popular|hardy|lively) )?(?:fish|shrimps?|snails?|tetras?|rasboras?|catfish|animals?|species|gouramis?|frogs?|loach(?:es)?)\\b`,
);
const verbFirst =
  /^[\s,]*(?:and |or |but |yet |so |which |who |nor )?(?:(?:also|therefore|usually|always|often|generally|even|then|only|never|does not|do not|can|should|must|will|rarely|hardly) ){0,3}(?:prefers?|needs?|requires?|demands?|likes?|loves?|enjoys?|wants?|grows?|reach(?:es)?|stays?|lives?|thrives?|does|do|tolerates?|accepts?|is|are|makes?|forms?|measures?|gets|becomes?|feels?|appreciates?|hunts?|eats?|can|should|must|will|has|have|be|keeps?|suits?|spreads?|works?|manages?|asks?|calls?|depends?)\b/;
const listGoesOn =
  /^[\s,]*(?:and |or |with )?(?:an? |the )?(?:water |general |total |ideal |maximum |minimum )?(?:ph|temperatures?|hardness|heights?|size|length|group|tank|light|low|medium|high|strong|about|around|at|up|\d)/;

function splitSpans(sentence: string): Span[] {
  const spans: Span[] = [];
  const main = sentence.replace(/\([^()]*\)/g, (inner, at: number) => {
    spans.push({ start: at, end: at + inner.length, isParenthesis: true });
    return ' '.repeat(inner.length);
  });
  let from = 0;
  boundary.lastIndex = 0;
  for (let match = boundary.exec(main); match; match = boundary.exec(main)) {
    if (match[0].length === 0) boundary.lastIndex += 1;
    if (match.index > from) spans.push({ start: from, end: match.index, isParenthesis: false });
    from = match.index;
    if (/^[;:]/.test(match[0])) from += 1;
  }
  spans.push({ start: from, end: sentence.length, isParenthesis: false });
  return spans.sort((a, b) => a.start - b.start);
}

function maskTo(span: Span, lower: string, all: readonly Span[]): string {
  let text = ' '.repeat(span.start) + lower.slice(span.start, span.end);
  if (span.isParenthesis) return text.replace(/[()]/g, ' ');
  for (const inner of all) {
    if (inner.isParenthesis && inner.start >= span.start && inner.end <= span.end) {
      text = text.slice(0, inner.start) + ' '.repeat(inner.end - inner.start) + text.slice(inner.end);
    }
  }
  return text;
}

/** Whether the name is what the clause speaks of, and not the company, place or measure of something else. */
function isGoverning(mention: Mention, clauseText: string, clauseStart: number): boolean {
  if (afterOblique.test(clauseText.slice(mention.end))) return false;
  const before = clauseText.slice(clauseStart, mention.start);
  if (/\bsuch as\s*$|\bas well as\s*(?:the\s*)?$/.test(before)) return true;
  const words = before.match(/[\p{L}\p{N}'’]+|,/gu) ?? [];
  for (let at = words.length - 1; at >= 0; at -= 1) {
    const word = words[at] ?? '';
    if (oblique.has(word))
      return word === 'like' && /\b(?:plants|fish|species|animals|shrimp|snails|mosses|ferns) like$/.test(words.slice(0, at + 1).join(' '));
    if (!transparent.test(word)) return true;
  }
  return true;
}

/** Text between two names of one list: "Java fern, most mosses and". */
function linksList(between: string): boolean {
  return /^[\s,/&]*(?:(?:and|or|as well as|most|some|many|other|the|also|both|all|even|especially|such as|known as|sold as|often|called|alias)[\s,]*)*$/.test(
    between,
  );
}

function distinctOf(mentions: readonly Mention[]): Mention[] {
  const distinct: Mention[] = [];
  for (const mention of mentions) {
    const at = distinct.findIndex((other) => isSameSubject(other.subject, mention.subject));
    const known = distinct[at];
    if (known) distinct[at] = narrower(known, mention);
    else distinct.push(mention);
  }
  return distinct;
}

/** A species named twice in a row, or in apposition, is one; a pure list is all of its members; anything else is unclear. */
function governorsOf(mentions: readonly Mention[], text: string): Mention[] {
  const distinct = distinctOf(mentions);
  if (distinct.length <= 1) return distinct;
  for (let at = 1; at < mentions.length; at += 1) {
    const left = mentions[at - 1];
    const right = mentions[at];
    if (left && right && !isSameSubject(left.subject, right.subject) && !linksList(text.slice(left.end, right.start))) return [];
  }
  return distinct;
}

export type Antecedent = { readonly subject: Subject; readonly mention: Mention };

function inherits(text: string, antecedent: Antecedent | undefined, isFirst: boolean): boolean {
  if (!antecedent) return false;
  const own = antecedent.subject.kind === 'plant' ? plantPronoun : animalPronoun;
  if (pronoun.test(text) || own.test(text) || waterTopic.test(text)) return true;
  return !isFirst && (verbFirst.test(text) || listGoesOn.test(text));
}

/**
 * Parts a sentence into clauses and says whom each is about. `previous` is the one subject of the sentence before, which a
 * sentence that begins with "it", "they" or "the plant" goes on about.
 */
export function splitClauses(sentence: string, mentions: readonly Mention[], previous: Antecedent | undefined): Clause[] {
  const lower = sentence.toLowerCase();
  // Some capitals lower to two characters; the places would no longer agree.
  if (lower.length !== sentence.length) return [];
  const spans = splitSpans(sentence);
  const clauses: Clause[] = [];
  let antecedent = previous;
  let isFirst = true;
  for (const span of spans) {
    const text = maskTo(span, lower, spans);
    const own = mentions.filter(({ start, end }) => start >= span.start && end <= span.end && text.slice(start, end).trim() !== '');
    const body = text.slice(span.start);
    const isConditional = conditional.test(body);
    let governing = governorsOf(
      own.filter((mention) => isGoverning(mention, text, span.start)),
      text,
    );
    if (span.isParenthesis && own.length === 0) {
      const outer = mentions.filter(({ end }) => end <= span.start).at(-1);
      governing = outer && /^\s*$/.test(sentence.slice(outer.end, span.start)) ? [outer] : [];
    } else if (own.length === 0 && antecedent && inherits(body, antecedent, isFirst)) {
      governing = [antecedent.mention];
    }
    clauses.push({ text, start: span.start, end: span.end, subjects: governing.map(({ subject }) => subject), governing, isConditional });
    if (span.isParenthesis) continue;
    const [only, ...others] = distinctOf(own);
    if (only && others.length === 0 && governing.length === 1) antecedent = { subject: only.subject, mention: only };
    else if (own.length > 0 || governing.length === 0) antecedent = undefined;
    isFirst = false;
  }
  return clauses;
}

/** The one subject that a following "it" can mean: the sentence names no other and speaks of it. */
export function antecedentOf(mentions: readonly Mention[], clauses: readonly Clause[]): Antecedent | undefined {
  const [only, ...others] = distinctOf(mentions);
  if (!only || others.length > 0) return undefined;
  return clauses.some(({ subjects }) => subjects.length === 1) ? { subject: only.subject, mention: only } : undefined;
}
