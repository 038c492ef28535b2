import type { FieldFault } from '#shared/errors';
import type { AbTest, Issue, IssueBlock, IssueSchedule, IssueVariant } from '../../distributor-types.ts';

/** What of an issue a person writes. */
export type DraftFields = Pick<
  Issue,
  | 'subject'
  | 'preheader'
  | 'body'
  | 'blocks'
  | 'variables'
  | 'textOverride'
  | 'articleIds'
  | 'segmentId'
  | 'topics'
  | 'tracking'
  | 'onUncertain'
  | 'variants'
  | 'abTest'
>;

export const maxVariants = 5;
/** More would not fit into what Gmail shows of one mail. */
export const maxArticles = 20;
export const maxBlocks = 20;
export const maxTopics = 20;
export const maxVariables = 50;
export const maxVariableLength = 2000;

// A mark of direction can make a line look like another one; a header takes no line break.
const forbiddenInLine = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const forbiddenInText = /[^\P{Cc}\t\n\r]/u;

export const toLine = (text: string) => text.replace(/[\p{Cc}\s]+/gu, ' ').trim();

/** A line that ends in a header: a fault is said rather than mended, since what is sent should be what was written. */
export function lineFaults(path: string, text: string): FieldFault[] {
  if (forbiddenInLine.test(text)) return [{ path, message: 'must not hold control characters' }];
  return text.trim() === '' ? [{ path, message: 'must not be empty' }] : [];
}

export function textFaults(path: string, text: string): FieldFault[] {
  return forbiddenInText.test(text) ? [{ path, message: 'must not hold control characters other than tabs and line breaks' }] : [];
}

/** Everything that the fields show by themselves; what only the database knows is asked for elsewhere. */
export function draftFaults(draft: DraftFields): FieldFault[] {
  const { subject, preheader, body, textOverride, articleIds, variants } = draft;
  const isWritten = body.trim() !== '' || textOverride !== null || variants.some((variant) => (variant.body ?? '').trim() !== '');
  return [
    ...lineFaults('/subject', subject),
    ...(preheader === '' ? [] : lineFaults('/preheader', preheader)),
    ...textFaults('/body', body),
    ...(textOverride === null ? [] : textFaults('/textOverride', textOverride)),
    ...(articleIds.length === 0 && !isWritten ? [{ path: '/articleIds', message: 'must name an article where there is no body' }] : []),
    ...draft.topics.flatMap((topic, index) => lineFaults(`/topics/${index}`, topic)),
    ...blockFaults(draft.blocks),
    ...variableFaults(draft.variables),
    ...variantFaults(variants),
    ...testFaults(draft),
  ];
}

function blockFaults(blocks: readonly IssueBlock[]): FieldFault[] {
  return blocks.flatMap(({ body, segmentIds }, index) => [
    ...textFaults(`/blocks/${index}/body`, body),
    ...(segmentIds.length === 0 ? [{ path: `/blocks/${index}/segmentIds`, message: 'must name a segment' }] : []),
  ]);
}

function variableFaults(variables: Issue['variables']): FieldFault[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    const path = `/variables/${name.slice(0, 100)}`;
    if (!/^[a-z_][a-z0-9_]{0,63}$/i.test(name)) return [{ path, message: 'must have a name of letters, digits and _' }];
    return typeof value === 'string' ? textFaults(path, value) : [];
  });
}

function variantFaults(variants: readonly IssueVariant[]): FieldFault[] {
  const faults: FieldFault[] = [];
  const seen = new Map<string, number>();
  if (variants.length === 1) faults.push({ path: '/variants', message: `must be 2 to ${maxVariants}, or none` });
  for (const [index, { subject, preheader, body }] of variants.entries()) {
    const path = `/variants/${index}`;
    if (subject !== undefined) faults.push(...lineFaults(`${path}/subject`, subject));
    if (preheader !== undefined && preheader !== '') faults.push(...lineFaults(`${path}/preheader`, preheader));
    if (body !== undefined) faults.push(...textFaults(`${path}/body`, body));
    const content = JSON.stringify([subject, preheader, body]);
    const twin = seen.get(content);
    if (twin !== undefined) faults.push({ path, message: `is the same as variant ${twin}` });
    seen.set(content, index);
  }
  return faults;
}

function testFaults({ variants, abTest, tracking }: DraftFields): FieldFault[] {
  if (abTest === null) return variants.length > 1 ? [{ path: '/abTest', message: 'is required where there are variants' }] : [];
  const faults: FieldFault[] = [];
  if (variants.length < 2) faults.push({ path: '/variants', message: 'must be at least 2 for a test' });
  // Without the person nobody can say which of the variants it was that was opened.
  if (tracking !== 'individual') faults.push({ path: '/tracking', message: 'must be individual for a test: a winner is found by readers' });
  return faults;
}

/** A test's rest waits for the winner, at a time that nobody knows beforehand. */
export function planFaults(abTest: AbTest | null, schedule: IssueSchedule | null): FieldFault[] {
  return schedule !== null && schedule.mode !== 'at' && hasWaitingRest(abTest)
    ? [{ path: '/schedule/mode', message: 'must be "at" for a test whose rest waits for the winner' }]
    : [];
}

/** Whether a part of the audience gets the winner only. */
export function hasWaitingRest(abTest: AbTest | null): abTest is AbTest {
  return abTest !== null && abTest.share < 1;
}
