import { type Claim, type Judgement, judgement, plainWords, silent } from './claim.ts';
import type { Clause } from './clauses.ts';
import type { Species } from './subjects.ts';

const gas = '(?:co2|co₂|carbon dioxide)(?: (?:injection|supply|system|fertili[sz]ation|dosing|gas|supplementation|enrichment|addition))?';
const kind =
  '(?:(?:any|added|extra|additional|injected|pressuri[sz]ed|supplementary|supplemental|some|steady|stable|constant|good|rich|a|an|the|the use of|the addition of|addition of|source of|supply of) )*';
const adverb = '(?:absolutely |strictly |always |also |really |simply |certainly |definitely |clearly |usually |generally |still )*';
/** At most six words, and none that turns the sense: "needs soft water, good light and CO2". */
const gap = "(?:(?!less|little|more|no|without|not)[\\p{L}\\d’',-]+ ){0,6}?";

const needsGas = new RegExp(
  `\\b(?:needs?|requires?|demands?|must have|has to have|depends? on|relies on|rely on|asks? for|calls? for|wants?|insists? on|in need of) ${gap}${kind}(${gas})`,
  'u',
);
const cannotWithout = new RegExp(
  `\\b(?:cannot|can['’]?t|can not|will not|won['’]t|does not|doesn['’]t|do not|don['’]t|never|hardly|impossible|fails?|not) (?:[\\p{L}]+ ){0,4}?without ${kind}(${gas})|\\b(?:fails?|dies|die|impossible|hopeless) (?:\\p{L}+ ){0,2}?without ${kind}(${gas})|\\bwithout ${kind}(${gas})[^.;]{0,40}?\\b(?:(?:will not|won['’]t|cannot|can['’]?t|does not|doesn['’]t|do not|don['’]t|never|fails? to) (?:\\p{L}+ )?(?:grow|live|survive|thrive|make it)|dies?)\\b|\\bonly (?:grows?|lives?|thrives?|survives?|does well|do well) (?:\\p{L}+ ){0,2}?with ${kind}(${gas})`,
  'u',
);
const isRequired = new RegExp(
  `(${gas}) (?:is|are) ${adverb}(?:an? )?${adverb}(?:required|necessary|essential|needed|mandatory|must|indispensable|vital)\\b`,
  'u',
);
const isNotRequired = new RegExp(
  `(${gas}) (?:is|are) (?:(?:\\w+ )?not|never|hardly|isn['’]t) (?:\\w+ )?(?:required|necessary|essential|needed|mandatory|a must)|(${gas}) (?:is|are) (?:\\w+ )?(?:unnecessary|optional|superfluous)|\\bno (?:added |extra |injected |pressurised )*(${gas})(?: is| are)? (?:needed|required|necessary)`,
  'u',
);
const needsNoGas = new RegExp(
  `\\b(?:not|n['’]t|never|hardly|neither|nor|no need) (?:\\p{L}+ ){0,2}?(?:needs?|requires?|demands?|depends? on|rely on|asks? for|of|for|to have) ${gap}${kind}(${gas})|\\b(?:needs?|requires?|demands?|asks? for) (?:\\p{L}+ ){0,2}?(?:no|neither) ${gap}${kind}(${gas})`,
  'u',
);
const withoutGas = new RegExp(`\\bwithout ${kind}(${gas})`, 'u');
const thrives =
  /\b(?:grows?|lives?|thrives?|manages?|surviv\w+|happy|fine|content|well|succeeds?|copes?|suits?|suitable|flourish\w*|do(?:es)? fine|kept|satisf\w+|gets? by|comfortable)\b/;
const fails =
  /\b(?:not|cannot|never|hardly|rarely|fades?|dies?|melts?|fails?|lifts?|struggl\w+|suffers?|poor(?:ly)?|slow(?:er|ly)?|stunt\w*|impossible|difficult|loose|pale|only|months?|longer|turns?|shrinks?|declin\w+|unlikely)\b|n[’']t\b/;
/** "needs CO2 to grow fast", "for a dense carpet": it is needed for something, not to live. */
const purpose =
  /^ *(?:(?:only |mainly |just )?(?:in order )?to (?!survive|live|grow(?: well| at all| properly)?(?:[ .,]|$)|thrive)|for (?:a |an |the )?(?:best|fast\w*|dens\w+|red|compact|good|full|bright|rapid|quick|vigorous|lush|intense|deep)|if|when|only)/;

function judgeNeed(isNeeded: boolean, species: Species): Judgement {
  if (species.kind !== 'plant') return silent;
  const { co2 } = species.facts;
  const known = `CO2 ${plainWords(co2)}`;
  return isNeeded
    ? judgement(co2 === 'not_required', co2 === 'required', known)
    : judgement(co2 === 'required', co2 === 'not_required', known);
}

type Reading = { readonly isNeeded: boolean; readonly start: number; readonly end: number };

function readGas(text: string, from: number): Reading | undefined {
  const at = (match: RegExpExecArray): { start: number; end: number } => ({
    start: from + match.index,
    end: from + match.index + match[0].length,
  });
  const body = text.slice(from);
  const denied = needsNoGas.exec(body) ?? isNotRequired.exec(body);
  if (denied) return { isNeeded: false, ...at(denied) };
  const needed = cannotWithout.exec(body) ?? isRequired.exec(body);
  if (needed) return { isNeeded: true, ...at(needed) };
  const asked = needsGas.exec(body);
  if (asked) {
    const before = body.slice(0, asked.index);
    if (/\b(?:not|never|no|hardly|neither|nor|rarely)\b[^,]*$|n[’']t\b[^,]*$/.test(before)) return undefined;
    return purpose.test(body.slice(asked.index + asked[0].length)) ? undefined : { isNeeded: true, ...at(asked) };
  }
  const spared = withoutGas.exec(body);
  if (!spared || !thrives.test(body) || fails.test(body)) return undefined;
  return { isNeeded: false, ...at(spared) };
}

/** Whether a plant is said to need added CO2 or to do without it. */
export function readCo2Claims(clause: Clause, sentence: string): Claim[] {
  if (clause.isConditional || !/co2|co₂|carbon dioxide/.test(clause.text)) return [];
  const reading = readGas(clause.text, clause.start);
  if (!reading) return [];
  const { isNeeded, start, end } = reading;
  return [{ field: 'co2', stated: sentence.slice(start, end), start, end, judge: (species) => judgeNeed(isNeeded, species) }];
}
