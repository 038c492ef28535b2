import { AppError } from '#shared/errors';
import type { DistributorDependencies, Issue, IssueContent, PublishedArticle } from '../distributor-types.ts';
import type { IssueToCompile } from '../rendering/issue-to-compile.ts';
import { findTemplate } from './template-store.ts';

/** What the mail of an issue is made of; an unsaved draft has it as well as an issue that stands. */
export type IssueSource = Pick<
  Issue,
  | 'subject'
  | 'preheader'
  | 'templateId'
  | 'articleIds'
  | 'body'
  | 'blocks'
  | 'variables'
  | 'textOverride'
  | 'tracking'
  | 'variants'
  | 'startedAt'
>;

export type CompileContent = (issue: IssueSource) => Promise<IssueContent>;

const compileWorker = new URL('../rendering/compile-issue-worker.ts', import.meta.url);
/** Of CPU time, for up to five variants. */
const compileTimeoutMs = 20_000;

/**
 * An issue with its articles as they are published now. What it throws: AppError `template_faulty` | `nothing_to_send` |
 * `compute_timed_out`.
 */
export function createContentCompiler(
  dependencies: Pick<
    DistributorDependencies,
    'database' | 'clock' | 'compute' | 'site' | 'postalAddress' | 'contentManager' | 'subscribers'
  >,
): CompileContent {
  const { database, clock, compute, site, postalAddress, contentManager, subscribers } = dependencies;
  return async (issue) => {
    const [{ name, mjml, textTemplate }, customFields, ...found] = await Promise.all([
      findTemplate(database, issue.templateId),
      subscribers.customFieldNames?.(database),
      ...issue.articleIds.map((id) => findPublished(contentManager, id)),
    ]);
    const articles = found.filter((article) => article !== undefined);
    const { subject, preheader, body, blocks, variables, textOverride, tracking, variants, startedAt } = issue;
    const isWritten = [body, ...blocks.map((block) => block.body), ...variants.map((variant) => variant.body ?? '')].some(
      (text) => text.trim() !== '',
    );
    if (articles.length === 0 && !isWritten) {
      const reason =
        issue.articleIds.length === 0
          ? 'The campaign carries neither articles nor a text.'
          : 'None of the articles of this campaign is published any more.';
      throw new AppError('nothing_to_send', reason, { status: 409 });
    }
    return compute.run<IssueToCompile, IssueContent>(
      compileWorker,
      {
        ...{ subject, preheader, body, blocks, variables, textOverride, tracking, variants },
        template: { name, mjml, textTemplate },
        date: startedAt ?? clock.now(),
        articles,
        site,
        postalAddress,
        customFields,
      },
      { timeoutMs: compileTimeoutMs },
    );
  };
}

/** Undefined where no article with the id is published. */
export async function findPublished(
  contentManager: DistributorDependencies['contentManager'],
  id: string,
): Promise<PublishedArticle | undefined> {
  try {
    return await contentManager.findArticle(id);
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined;
    throw error;
  }
}
