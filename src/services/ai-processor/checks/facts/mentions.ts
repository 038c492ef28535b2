import { splitWords, type Word } from '../language/index.ts';
import type { NameIndex } from './name-index.ts';
import type { Subject } from './subjects.ts';

/** A name at characters [start, end) of a sentence. */
export type Mention = {
  readonly subject: Subject;
  readonly start: number;
  readonly end: number;
  /** A trade form is named beside it ("Java fern 'Trident'"), whose size and colour may differ from the species. */
  readonly isCultivar: boolean;
};

const cultivar = /^\s*(?:var\.|ssp\.|subsp\.|cv\.|['‘"“]\p{Lu})/u;

/** "neon and ember tetras": the names that share the last word of the mention at word `from`. */
function findElliptic(index: NameIndex, words: readonly Word[], text: string, from: number, last: string): Mention[] {
  const found: Mention[] = [];
  let at = from;
  for (;;) {
    const link = text.slice(words[at - 1]?.end ?? 0, words[at]?.start ?? 0);
    const isConjunction = /^(?:and|or)$/.test(words[at - 1]?.fold ?? '');
    const headAt = isConjunction ? at - 2 : /[,/&]/.test(link) ? at - 1 : -1;
    const head = words[headAt];
    if (!head) return found;
    const subject = ['', 's'].map((ending) => index.lookUp([head.fold, last.replace(/s$/, '') + ending])).find((hit) => hit !== undefined);
    if (!subject) return found;
    found.push({ subject, start: head.start, end: head.end, isCultivar: false });
    at = headAt;
  }
}

/** Every known species and genus that a sentence names, in order; the longest name wins. */
export function findMentions(index: NameIndex, text: string): Mention[] {
  const words = splitWords(text);
  const mentions: Mention[] = [];
  for (let at = 0; at < words.length; ) {
    const hit = index.find(words, text, at);
    const first = words[at];
    const last = hit && words[hit.to - 1];
    if (!hit || !first || !last) {
      at += 1;
      continue;
    }
    if (hit.to - hit.from > 1) mentions.push(...findElliptic(index, words, text, hit.from, last.fold));
    mentions.push({
      subject: hit.subject,
      start: first.start,
      end: last.end,
      isCultivar: cultivar.test(text.slice(last.end, last.end + 12)),
    });
    at = hit.to;
  }
  return mentions.sort((a, b) => a.start - b.start);
}

function shareSpecies(a: Subject, b: Subject): boolean {
  return a.members.some(({ id }) => b.members.some((other) => other.id === id));
}

/** Whether two mentions in a row speak of the same: a second name in apposition, or a genus beside one of its species. */
export function isSameSubject(a: Subject, b: Subject): boolean {
  if (a === b) return true;
  if (!a.isGenus && !b.isGenus) return a.members[0]?.id === b.members[0]?.id;
  return shareSpecies(a, b);
}

/** Of two mentions of the same, the one that says more. */
export function narrower(a: Mention, b: Mention): Mention {
  return a.subject.members.length <= b.subject.members.length ? a : b;
}
