import { slugify } from '#shared/text';

// Bulgarian letters as the country's official romanisation has them; what only other Cyrillic alphabets have, as is usual there.
const cyrillic: Readonly<Record<string, string>> = {
  ...{ а: 'a', б: 'b', в: 'v', г: 'g', д: 'd', е: 'e', ж: 'zh', з: 'z', и: 'i', й: 'y', к: 'k', л: 'l', м: 'm', н: 'n', о: 'o' },
  ...{ п: 'p', р: 'r', с: 's', т: 't', у: 'u', ф: 'f', х: 'h', ц: 'ts', ч: 'ch', ш: 'sh', щ: 'sht', ъ: 'a', ь: 'y', ю: 'yu', я: 'ya' },
  ...{ ё: 'yo', ы: 'y', э: 'e', і: 'i', ї: 'yi', є: 'ye', ґ: 'g', ј: 'j', љ: 'lj', њ: 'nj', ћ: 'c', ђ: 'dj', џ: 'dz' },
};
// Latin letters that have no decomposition into a letter and a mark.
const latin: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i' };
const letters: ReadonlyMap<string, string> = new Map(Object.entries({ ...cyrillic, ...latin }));

/** A word that ends in -ия is written -ia, as in София: Sofia. */
export function transliterate(text: string): string {
  return text
    .normalize('NFC')
    .toLowerCase()
    .replace(/ия(?!\p{L})/gu, 'ia')
    .replace(/./gu, (letter) => letters.get(letter) ?? letter);
}

/** Readable where the title has letters that can be written in ASCII, else made of the id. */
export function slugOf(title: string, id: string): string {
  return slugify(transliterate(title), 80, `article-${id.slice(-12)}`);
}

const numberedTries = 20;

/** Slugs to try one after another until one is free; the last holds a part of the id and is free for certain. */
export function* slugCandidates(title: string, id: string): Generator<string> {
  const slug = slugOf(title, id);
  yield slug;
  for (let number = 2; number <= numberedTries; number += 1) yield `${slug}-${number}`;
  yield `${slug}-${id.slice(-12)}`;
}
