import type { IssueToCompile } from './issue-to-compile.ts';
import { checkVariables, type KnownVariables } from './known-variables.ts';
import type { RecipientValues } from './recipient-template.ts';
import { recipientHtmlEngine } from './template-engine.ts';

export const sampleUnsubscribeUrl = 'https://unsubscribe.invalid/';

/** What templates may name at the second reading. */
function knownToRecipients({ customFields, variables }: IssueToCompile): KnownVariables {
  return {
    plain: ['name', 'email', 'language', 'country', 'timezone', 'format', 'unsubscribe_url', 'preferences_url', 'open_url'],
    lists: ['tags', 'topics', 'segments'],
    groups: { fields: customFields, variables: Object.keys(variables) },
  };
}

export type RecipientCheck = (file: string, source: string) => void;

/** Checks Liquid of the second reading where it was written, so that a fault has the line that its author sees. */
export function createRecipientCheck(issue: IssueToCompile): RecipientCheck {
  const known = knownToRecipients(issue);
  return (file, source) => checkVariables(recipientHtmlEngine, file, source, known);
}

const rawBlock = /\{%-?\s*raw\s*-?%\}([\s\S]*?)\{%-?\s*endraw\s*-?%\}/g;
const blankLines = (text: string) => text.replace(/[^\n]+/g, '');

/** What a template leaves for the second reading, at the lines where it stands. */
export function recipientPartOf(source: string): string {
  let part = '';
  let end = 0;
  for (const match of source.matchAll(rawBlock)) {
    part += blankLines(source.slice(end, match.index)) + blankLines(match[0].slice(0, match[0].indexOf('%}'))) + (match[1] ?? '');
    end = match.index + match[0].length;
  }
  return part;
}

/** Readers of whom everything is known and of whom nothing is, in every segment and in none. */
export function sampleReaders(issue: IssueToCompile, links: readonly string[]): RecipientValues[] {
  const nobody: RecipientValues = {
    name: null,
    email: 'reader@example.org',
    language: 'en',
    country: null,
    timezone: null,
    tags: [],
    topics: [],
    fields: {},
    format: 'html',
    segments: [],
    unsubscribeUrl: sampleUnsubscribeUrl,
    preferencesUrl: 'https://preferences.invalid/',
    openUrl: 'https://open.invalid/',
    links,
    variables: issue.variables,
  };
  const somebody: RecipientValues = {
    ...nobody,
    name: 'A. Reader',
    country: 'BG',
    timezone: 'Europe/Sofia',
    tags: ['sample'],
    topics: ['sample'],
    fields: Object.fromEntries((issue.customFields ?? []).map((field) => [field, 'sample'])),
    segments: issue.blocks.flatMap(({ segmentIds }) => segmentIds),
  };
  return [nobody, { ...nobody, name: somebody.name }, { ...somebody, name: null }, somebody];
}
