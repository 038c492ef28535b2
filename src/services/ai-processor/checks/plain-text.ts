import type { Section } from './check-types.ts';

/** A heading or a paragraph of the plain text, at characters [start, end). `section` counts from 0. */
export type Block = { readonly kind: 'heading' | 'paragraph'; readonly text: string; readonly start: number; readonly section: number };

/**
 * The plain text of the sections with the places of its blocks. The text is what `plainTextOf` in content-manager builds: the
 * positions of findings refer to it, so both must join in the same way.
 */
export function layOut(sections: readonly Section[]): { text: string; blocks: readonly Block[] } {
  const blocks: Block[] = [];
  let text = '';
  sections.forEach((section, index) => {
    if (index > 0) text += '\n\n';
    const parts = [section.heading, ...section.paragraphs.map((paragraph) => paragraph.map((sentence) => sentence.text).join(' '))];
    let isFirst = true;
    parts.forEach((part, place) => {
      if (part === '') return;
      if (!isFirst) text += '\n\n';
      isFirst = false;
      blocks.push({ kind: place === 0 ? 'heading' : 'paragraph', text: part, start: text.length, section: index });
      text += part;
    });
  });
  return { text, blocks };
}
