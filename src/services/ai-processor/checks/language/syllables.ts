/** Words whose spelling misleads the rules below, by their number of syllables. */
const irregular = new Map<string, number>(
  Object.entries({
    1: 'co ph led eye eyes does goes shoes real suite queue hour hours our ours flour sour fire hire tyre wire tire hence whose there where these those were are pier tier piece tired fired wired',
    2: 'co2 being business create creates every evening people science species series diet quiet lion poem fluid ruin really react maybe someone something sometimes somewhere therefore whereas algae larvae rhizome rhizomes chlorine museum dial trial giant giants client patient patience ancient social special iron oyster colonel ozone acne cafe bio seeing doing going hydra likely lakeside homemade idle idol being neither either sunlight pigeon ocean oceans seaweed lifespan lifetime household layout layouts',
    3: 'area areas created creating everything everyone different idea ideas ideal reaction reactor moreover furthermore interest favourite favorite several camera family general average recipe recipes theatre nucleus fungi chemical chemicals natural violet violent diagram element elements supplement supplements increment implement complement settlement chocolate poetry diary library biofilm coincide ratio ratios patio',
    4: 'anubias caridina iwagumi bicarbonate aquarium aquariums aquaria fertiliser fertilisers fertilizer fertilizers vegetable vegetables temperature temperatures literature interesting comfortable generally naturally usually actually gradually reality apostrophe catastrophe anemone microsorum leptochilus corydoras otocinclus diameter variety society anxiety february bacteria entirely february obviously january',
    5: 'cryptocoryne bucephalandra vallisneria hyphessobrycon vegetarian individual individuals',
    6: 'neocaridina photoperiod',
    7: 'cyanobacteria',
  }).flatMap(([count, words]) => words.split(' ').map((word): [string, number] => [word, Number(count)])),
);

const vowelGroups = /[aeiouy]+/g;
/** Neighbouring vowels that are spoken apart: "peri-od", "medi-um", "gradu-al", "vari-ous", "nutri-ent", "easi-er", "dry-ing". */
const spokenApart =
  /[^tcsgx]ia|[^tcsgx]io(?:[^u]|$)|[^tcsgx]iou|iu|[^qg]ua[^r]|uou|[^cts]ien[tc]|ie(?:r|st)s?$|[aeiouy]ing|uity|[^q]uen[tc]|ao[st]|[^pg]eo(?:[^u]|$)|ii$|i[ao]l?ly$/g;
/** An e that a following ending keeps silent: "complete-ly", "move-ment", "care-ful", "home-less", "same-ness". */
const silentInside = /[^aeiouy]e(?:ly|ful|fully|less|ness)$|[vgscrnz]ements?$|[^aeiouy]e(?:thing|where|time|times|side|sides|light|like)$/;

function endsSilently(word: string): boolean {
  if (/[^aeiouy]e$/.test(word)) return !/[^aeiouy]le$/.test(word);
  if (/[^aeiouy]es$/.test(word)) return !/(?:[sxzcg]|[cs]h|[^aeiouy]l)es$/.test(word);
  if (/[^aeiouy]ed$/.test(word)) return !/(?:[td]|[^aeiouylr]l)ed$/.test(word);
  return false;
}

/**
 * Syllables of an English word by its spelling: groups of vowels, less a silent e, plus vowels spoken apart, with a list of
 * exceptions. A number counts one syllable a digit, at most four. Never less than 1.
 */
export function countSyllables(written: string): number {
  const word = written.toLowerCase().replace(/[^a-z0-9-]/g, '');
  if (word.includes('-'))
    return Math.max(
      1,
      word.split('-').reduce((sum, part) => sum + (part === '' ? 0 : countSyllables(part)), 0),
    );
  const known = irregular.get(word);
  if (known !== undefined) return known;
  if (/^\d/.test(word)) return Math.min(4, word.replace(/\D/g, '').length);
  if (word.length <= 2) return 1;
  let count = word.match(vowelGroups)?.length ?? 0;
  if (count > 1 && endsSilently(word)) count -= 1;
  if (silentInside.test(word)) count -= 1;
  count += word.match(spokenApart)?.length ?? 0;
  if (/(?:sm|thm)s?$/.test(word)) count += 1;
  return Math.max(1, count);
}
