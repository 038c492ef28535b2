import type { IssueBlock } from '../distributor-types.ts';
import type { IssueToCompile } from './issue-to-compile.ts';
import type { RecipientCheck } from './known-to-recipients.ts';
import { isUsed, namesOfGroup } from './known-variables.ts';
import { type LiquidStretches, withoutMarks } from './liquid-stretches.ts';
import { markdownToHtml, markdownToText } from './markdown.ts';
import { escapeHtml, guardBraces, issueHtmlEngine, ReadyText, templateFault } from './template-engine.ts';

/** One version of what was written for an issue. */
export type WrittenParts = { readonly subject: string; readonly preheader: string; readonly body: string };

export const versionsOf = ({ variants, subject, preheader, body }: IssueToCompile): readonly WrittenParts[] =>
  (variants.length === 0 ? [{}] : variants).map((variant) => ({ subject, preheader, body, ...variant }));

/** Liquid in what was written is a subject's and a Markdown text's; checked before anything is made of it. */
export function checkWritten(versions: readonly WrittenParts[], issue: IssueToCompile, check: RecipientCheck): void {
  for (const [number, version] of versions.entries()) {
    const suffix = versions.length > 1 ? ` of variant ${number}` : '';
    for (const part of ['subject', 'preheader', 'body'] as const) check(`${part}${suffix}`, version[part]);
    if (/\p{Cc}/u.test(version.subject)) throw templateFault(`subject${suffix}`, undefined, 'it holds control characters');
  }
  for (const { slot, body } of issue.blocks) check(`block ${slot}`, body);
  if (issue.textOverride !== null) check('text', issue.textOverride);
}

/** What is written and has no place in the template would be missing from the mail without anybody noticing. */
export function checkPlaces(file: string, template: string, versions: readonly WrittenParts[], { blocks }: IssueToCompile): void {
  if (versions.some(({ body }) => body.trim() !== '') && !isUsed(issueHtmlEngine, file, template, 'body')) {
    throw templateFault(file, undefined, 'the template has no place for the text of the issue: {{ body }}');
  }
  const slots = namesOfGroup(issueHtmlEngine, file, template, 'blocks');
  const homeless = blocks.find(({ slot }) => !slots.has(slot));
  if (homeless !== undefined) {
    const offered = slots.size === 0 ? 'it has none' : `it has: ${[...slots].join(', ')}`;
    throw templateFault(file, undefined, `the template has no place for the block "${homeless.slot}"; ${offered}`);
  }
}

type Written = {
  readonly subject: unknown;
  readonly preheader: unknown;
  readonly body: unknown;
  readonly blocks: Readonly<Record<string, unknown>>;
};

/** As the HTML template fills it in. Empty text stays plain, so that a template can ask whether it is. */
export function writtenAsHtml(
  version: WrittenParts,
  blocks: readonly IssueBlock[],
  slots: Iterable<string>,
  stretches: LiquidStretches,
): Written {
  const isTag = (mark: string) => stretches.find(mark)?.startsWith('{%') === true;
  const line = (text: string) => ready(guardBraces(escapeHtml(stretches.protect(withoutMarks(text)))));
  const toHtml = (markdown: string) => guardBraces(markdownToHtml(stretches.protect(withoutMarks(markdown)), isTag));
  return {
    subject: line(version.subject),
    preheader: line(version.preheader),
    body: ready(toHtml(version.body)),
    blocks: fillSlots(blocks, slots, stretches, (markdown) => `<div>${toHtml(markdown)}</div>`, ''),
  };
}

/** As the text template fills it in. */
export function writtenAsText(
  version: WrittenParts,
  blocks: readonly IssueBlock[],
  slots: Iterable<string>,
  stretches: LiquidStretches,
): Written {
  const line = (text: string) => ready(guardBraces(stretches.protect(withoutMarks(text))));
  const toText = (markdown: string) => guardBraces(markdownToText(stretches.protect(withoutMarks(markdown))));
  return {
    subject: line(version.subject),
    preheader: line(version.preheader),
    body: ready(toText(version.body)),
    blocks: fillSlots(blocks, slots, stretches, toText, '\n\n'),
  };
}

const ready = (text: string): ReadyText | '' => (text.trim() === '' ? '' : new ReadyText(text));

function fillSlots(
  blocks: readonly IssueBlock[],
  slots: Iterable<string>,
  stretches: LiquidStretches,
  write: (markdown: string) => string,
  separator: string,
): Record<string, ReadyText | ''> {
  return Object.fromEntries(
    [...slots].map((slot) => [
      slot,
      ready(
        blocks
          .filter((block) => block.slot === slot)
          .map(({ segmentIds, body }) => forSegments(segmentIds, write(body), stretches))
          .join(separator),
      ),
    ]),
  );
}

const segmentId = /^[\w-]{1,64}$/;

function forSegments(segmentIds: readonly string[], content: string, stretches: LiquidStretches): string {
  if (segmentIds.length === 0) return content;
  if (!segmentIds.every((id) => segmentId.test(id))) throw templateFault('blocks', undefined, 'a segment id is none');
  const condition = segmentIds.map((id) => `segments contains "${id}"`).join(' or ');
  return stretches.keep(`{% if ${condition} %}`) + content + stretches.keep('{% endif %}');
}
