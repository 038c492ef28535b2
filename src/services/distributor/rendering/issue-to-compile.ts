import type { Issue, PublishedArticle, Site } from '../distributor-types.ts';

export type TemplateSource = {
  readonly name: string;
  readonly mjml: string;
  /** Empty: derived from what the issue carries. */
  readonly textTemplate: string;
};

export type IssueToCompile = Pick<
  Issue,
  'subject' | 'preheader' | 'body' | 'blocks' | 'variables' | 'textOverride' | 'tracking' | 'variants'
> & {
  readonly template: TemplateSource;
  readonly date: Date;
  readonly articles: readonly PublishedArticle[];
  readonly site: Site;
  readonly postalAddress: string;
  /** Names of the custom fields that there are; undefined when that is not known. */
  readonly customFields: readonly string[] | undefined;
};
