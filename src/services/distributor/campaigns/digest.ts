import type { ServiceDependencies } from '#platform/service';
import { AppError, invalid } from '#shared/errors';
import { truncate } from '#shared/text';
import type { ArticleSource, Issue, PublishedArticle } from '../distributor-types.ts';
import { toLiteralLiquid } from '../rendering/template-engine.ts';
import { lineFaults, maxArticles, toLine } from './drafts/draft-fields.ts';
import { findIssueByKey, insertIssue, recordAction } from './issue-store.ts';

export type DigestRequest = {
  readonly key: string;
  readonly since: Date;
  readonly subject?: string;
  readonly actor: string;
};
export type DigestOutcome = { readonly kind: 'created' | 'existing'; readonly issue: Issue } | { readonly kind: 'nothing_new' };

const digestTemplate = 'digest';
const maxSubjectLength = 150;
const namedInPreheader = 3;

/** The same key gives the first digest of that key. */
export function createDigestMaker(
  dependencies: Pick<ServiceDependencies, 'database' | 'clock'> & {
    readonly contentManager: Pick<ArticleSource, 'listPublished'>;
    readonly templateIdOf: (name: string) => Promise<string>;
  },
): (request: DigestRequest) => Promise<DigestOutcome> {
  const { database, clock, contentManager, templateIdOf } = dependencies;
  return async ({ key, since, subject, actor }) => {
    const existing = await findIssueByKey(database, key);
    if (existing !== undefined) return { kind: 'existing', issue: existing };
    const articles = await contentManager.listPublished({ since, limit: maxArticles });
    const [first] = articles;
    if (first === undefined) return { kind: 'nothing_new' };
    const faults = subject === undefined ? [] : lineFaults('/subject', subject);
    if (faults.length > 0) throw invalid('The subject of the digest is not valid.', faults);
    const templateId = await templateIdOf(digestTemplate);
    return database.transaction(async (tx) => {
      const issue = await insertIssue(tx, {
        id: clock.newId(),
        key,
        subject: subject ?? subjectOf(first, articles.length),
        preheader: preheaderOf(articles),
        templateId,
        articleIds: articles.map(({ id }) => id),
        kind: 'digest',
        createdBy: actor,
        createdAt: clock.now(),
      });
      if (issue === undefined) {
        // Somebody else was faster with the same key.
        const other = await findIssueByKey(tx, key);
        if (other === undefined) throw new AppError('digest_gone', 'The digest was removed while it was made.', { retryable: true });
        return { kind: 'existing', issue: other };
      }
      await recordAction(tx, { id: clock.newId(), at: clock.now(), actor, action: 'campaign.created', issueId: issue.id });
      return { kind: 'created', issue };
    });
  };
}

/** A subject for articles, as a template that says just this. */
export function subjectOf(first: PublishedArticle, count: number): string {
  const more = count === 1 ? '' : count === 2 ? ' and one more' : ` and ${count - 1} more`;
  return `${toLiteralLiquid(truncate(toLine(first.title), maxSubjectLength - more.length))}${more}`;
}

export function preheaderOf(articles: readonly PublishedArticle[]): string {
  const [first, ...others] = articles;
  const text =
    others.length === 0
      ? (first?.summary ?? '')
      : others
          .slice(0, namedInPreheader)
          .map(({ title }) => title)
          .join(' · ');
  return toLiteralLiquid(toLine(text));
}
