import { unifySpelling } from './spelling.ts';
import { stemEnglish } from './stemming.ts';

const stopWords: Readonly<Record<string, ReadonlySet<string>>> = {
  en: new Set(
    (
      'a about above after again all also although an and any are as at be because been before being below between both but by can ' +
      'could did do does doing down during each either enough even every few for from further get gives had has have having he her here hers ' +
      'him his how however i if in into is it its itself just less like made make makes many may me might more most much must my near no nor ' +
      'not now of off often on once one only or other our out over own per rather same she should since so some soon still such than that the ' +
      'their them then there these they this those through to too under until up upon us use used very was we well were what when where ' +
      'whether which while who whose why will with within without would yet you your ' +
      'two three four five six seven eight nine ten first second third usually about good best better need needs keep kept small large big ' +
      'little step steps way ways thing things different choose choosing basics ' +
      'come comes coming back go goes going mean means what'
    ).split(' '),
  ),
  bg: new Set(
    (
      'а аз ако ала бе без беше би бил била били било бъде в вас ваш вече все всеки всички всяка във върху г ги го да дали до докато дори ' +
      'е едва един една едно ето за зад защо защото и из или им има имат как като кога което които кой който колко която към ли м между ме ' +
      'мен ми много може можем му на над най нас не него нея ни ние никой нито но няма о около от отново още по под поради почти при през пред ' +
      'пък с са само се сега си след сме според срещу сте съм със също та така такъв там те тези ти то това тогава този той толкова тук ' +
      'тя тях у хора че чрез ще щом я'
    ).split(' '),
  ),
};

const noStopWords: ReadonlySet<string> = new Set();
// Words of other languages are cut to this length: crude, but inflected forms meet and no word list is needed.
const truncatedLength = 6;
// A range is one term: two sentences that both say "10–15" are likely to say the same.
const words = /\p{L}[\p{L}\p{M}\p{N}]*(?:[’']\p{L}+)?|\p{N}+(?:[.,:–-]\p{N}+)*/gu;

const maxKnownStems = 50_000;
const knownStems = new Map<string, string>();

function stemOf(word: string, language: string): string {
  if (language !== 'en') return word.slice(0, truncatedLength);
  const known = knownStems.get(word);
  if (known !== undefined) return known;
  // The same few thousand words come again and again; strange ones must not pile up.
  if (knownStems.size >= maxKnownStems) knownStems.clear();
  const stem = stemEnglish(unifySpelling(word));
  knownStems.set(word, stem);
  return stem;
}

/** Stems of the words that carry meaning, in order, repeats kept. Hyphenated words count as their parts. */
export function readTerms(text: string, language: string): string[] {
  const ignored = stopWords[language] ?? noStopWords;
  const terms: string[] = [];
  for (const [word] of text.normalize('NFC').replaceAll('₂', '2').toLowerCase().matchAll(words)) {
    const plain = word.replace(/[’'].*$/u, '');
    if (/^\p{N}/u.test(plain)) terms.push(plain);
    else if (plain.length > 1 && !ignored.has(plain)) terms.push(stemOf(plain, language));
  }
  return terms;
}
