// From the private use area: no keyboard writes them, and they are taken out of the text before it is marked.
export const markStart = '\uE000';
export const markEnd = '\uE001';

export type Fragment = { readonly text: string; readonly isHit: boolean };

/** Takes marked text apart. Whoever prints the fragments escapes each of them: nothing of the text becomes markup. */
export function splitMarked(marked: string): Fragment[] {
  return marked
    .split(markStart)
    .flatMap((piece, index): Fragment[] => {
      const end = index === 0 ? -1 : piece.indexOf(markEnd);
      if (end === -1) return [{ text: piece, isHit: false }];
      return [
        { text: piece.slice(0, end), isHit: true },
        { text: piece.slice(end + 1), isHit: false },
      ];
    })
    .map((fragment) => ({ ...fragment, text: fragment.text.replaceAll(markEnd, '').replace(/\s+/g, ' ') }))
    .filter(({ text }) => text !== '');
}
