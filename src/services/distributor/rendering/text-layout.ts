import { truncate } from '#shared/text';

/** As many whole sentences as fit into `maxLength` characters; where not even one does, its beginning. */
export function shortenToBrief(text: string, maxLength: number): string {
  const whole = text.trim();
  if (whole.length <= maxLength) return whole;
  const [sentences] = /^.*[.!?…]["”’)]*(?=\s)/s.exec(whole.slice(0, maxLength + 1)) ?? [];
  if (sentences !== undefined && sentences.length > maxLength / 3) return sentences;
  return truncate(whole, maxLength).replace(/[\s.,;:–—-]*…$/, '…');
}

/** Breaks at spaces so that no line is longer than `width` characters, a longer word excepted. Breaks that stand, stay. */
export function wrapLines(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => {
      const lines: string[] = [];
      let current = '';
      for (const word of line.split(/ +/)) {
        if (current !== '' && current.length + 1 + word.length > width) {
          lines.push(current);
          current = word;
        } else current = current === '' ? word : `${current} ${word}`;
      }
      return [...lines, current].join('\n');
    })
    .join('\n');
}
