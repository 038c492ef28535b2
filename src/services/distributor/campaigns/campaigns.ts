import type { Transaction } from '#platform/database';
import { AppError, conflict, invalid } from '#shared/errors';
import { truncate } from '#shared/text';
import { takeChains } from '../deliveries/chain-store.ts';
import { chainsPerIssue, prepareIssueJob } from '../distributor-jobs.ts';
import type { DistributorDependencies, Issue, IssueContent, PublishedArticle } from '../distributor-types.ts';
import type { IssueToCompile } from '../rendering/compile-issue.ts';
import { findIssueByKey, finishIssue, getIssue, insertIssue, lockIssue, recordAction, setIssueStatus } from './issue-store.ts';
import { sendTurns } from './prepare-issue.ts';
import { findTemplate, findTemplateByName, listTemplateNames, loadTemplates } from './template-store.ts';

export type DigestRequest = { readonly key: string; readonly since: Date; readonly subject?: string; readonly actor: string };
export type DigestOutcome = { readonly kind: 'created' | 'existing'; readonly issue: Issue } | { readonly kind: 'nothing_new' };

export type NewCampaign = {
  readonly subject: string;
  readonly preheader?: string;
  readonly articleIds: readonly string[];
  readonly segmentId?: string | null;
  /** Name of a template. */
  readonly template?: string;
};

export type Campaigns = {
  /** The same key gives the first digest of that key. */
  createDigest(request: DigestRequest): Promise<DigestOutcome>;
  /** @throws AppError `invalid_request` that names each faulty field */
  createCampaign(campaign: NewCampaign, actor: string): Promise<Issue>;
  /** Draft → preparing → sending. Sent already, or on its way: nothing happens. */
  sendIssue(id: string, actor: string): Promise<Issue>;
  pauseIssue(id: string, actor: string): Promise<Issue>;
  resumeIssue(id: string, actor: string): Promise<Issue>;
  cancelIssue(id: string, actor: string): Promise<Issue>;
  /** The issue with its articles as they are published now. @throws AppError `template_faulty` | `nothing_to_send` */
  compile(issue: Issue): Promise<IssueContent>;
};

/** More would not fit into what Gmail shows of one mail. */
export const maxArticles = 20;
const digestTemplate = 'digest';
const maxSubjectLength = 150;
const compileWorker = new URL('../rendering/compile-issue-worker.ts', import.meta.url);
const compileTimeoutMs = 20_000;

export function createCampaigns(dependencies: DistributorDependencies): Campaigns {
  const { database, jobs, clock, compute, contentManager, site, postalAddress } = dependencies;
  let templates: Promise<void> | undefined;

  /** Once a process: a new release brings its templates with it. */
  function ensureTemplates(): Promise<void> {
    templates ??= loadTemplates(database, clock, dependencies.templatesFolder).catch((error: unknown) => {
      templates = undefined;
      throw error;
    });
    return templates;
  }

  async function templateIdOf(name: string): Promise<string> {
    await ensureTemplates();
    const template = await findTemplateByName(database, name);
    if (template !== undefined) return template.id;
    const known = (await listTemplateNames(database)).join(', ');
    throw invalid(`There is no template "${name}"; there are: ${known}.`, [{ path: '/template', message: `must be one of ${known}` }]);
  }

  /** Undefined where no article with the id is published. */
  async function findPublished(id: string): Promise<PublishedArticle | undefined> {
    try {
      return await contentManager.findArticle(id);
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  const recordAs = (tx: Transaction, actor: string, action: string, issueId: string) =>
    recordAction(tx, { id: clock.newId(), at: clock.now(), actor, action: `campaign.${action}`, issueId });

  /** Locks the issue, and does the change unless the issue is where the change leads. */
  function change(
    id: string,
    actor: string,
    action: string,
    rule: { readonly from: readonly Issue['status'][]; readonly done: readonly Issue['status'][] },
    apply: (tx: Transaction, issue: Issue) => Promise<Issue>,
  ): Promise<Issue> {
    return database.transaction(async (tx) => {
      const issue = await lockIssue(tx, id);
      if (rule.done.includes(issue.status)) return issue;
      if (!rule.from.includes(issue.status)) {
        throw conflict(`campaign_${issue.status}`, `The campaign is ${issue.status}: it cannot be ${action}.`);
      }
      await recordAs(tx, actor, action, id);
      return apply(tx, issue);
    });
  }

  return {
    async createDigest({ key, since, subject, actor }) {
      const existing = await findIssueByKey(database, key);
      if (existing !== undefined) return { kind: 'existing', issue: existing };
      const articles = await contentManager.listPublished({ since, limit: maxArticles });
      const [first] = articles;
      if (first === undefined) return { kind: 'nothing_new' };
      const templateId = await templateIdOf(digestTemplate);
      return database.transaction(async (tx) => {
        const issue = await insertIssue(tx, {
          id: clock.newId(),
          key,
          subject: checkLine('/subject', subject ?? subjectOf(first, articles.length)),
          preheader: toLine(
            articles.length === 1
              ? first.summary
              : articles
                  .slice(1, 4)
                  .map(({ title }) => title)
                  .join(' · '),
          ),
          templateId,
          articleIds: articles.map(({ id }) => id),
          segmentId: null,
          createdAt: clock.now(),
        });
        if (issue === undefined) {
          // Somebody else was faster with the same key.
          const other = await findIssueByKey(tx, key);
          if (other === undefined) throw new AppError('digest_gone', 'The digest was removed while it was made.', { retryable: true });
          return { kind: 'existing', issue: other };
        }
        await recordAs(tx, actor, 'created', issue.id);
        return { kind: 'created', issue };
      });
    },

    async createCampaign(campaign, actor) {
      const subject = checkLine('/subject', campaign.subject);
      const preheader = campaign.preheader === undefined || campaign.preheader === '' ? '' : checkLine('/preheader', campaign.preheader);
      const templateId = await templateIdOf(campaign.template ?? digestTemplate);
      const articleIds = [...new Set(campaign.articleIds)];
      const articles = await Promise.all(articleIds.map(findPublished));
      const faults = articles.flatMap((article, index) =>
        article === undefined ? [{ path: `/articleIds/${index}`, message: 'is not the id of a published article' }] : [],
      );
      if (faults.length > 0) throw invalid('A campaign carries published articles only.', faults);
      const id = clock.newId();
      try {
        return await database.transaction(async (tx) => {
          const issue = await insertIssue(tx, {
            id,
            key: `campaign-${id}`,
            subject,
            preheader,
            templateId,
            articleIds,
            segmentId: campaign.segmentId ?? null,
            createdAt: clock.now(),
          });
          if (issue === undefined) throw new AppError('campaign_exists', 'A campaign with this id exists already.', { status: 409 });
          await recordAs(tx, actor, 'created', id);
          return issue;
        });
      } catch (error) {
        if (!isUnknownSegment(error)) throw error;
        throw invalid('There is no such segment.', [{ path: '/segmentId', message: 'is not the id of a segment' }]);
      }
    },

    async sendIssue(id, actor) {
      // It may have failed for its template, which somebody has mended since.
      if ((await getIssue(database, id)).status === 'failed') await loadTemplates(database, clock, dependencies.templatesFolder);
      return change(id, actor, 'sent', { from: ['draft', 'failed'], done: ['preparing', 'sending', 'sent'] }, async (tx) => {
        await jobs.send(tx, prepareIssueJob, { issueId: id }, { singletonKey: id });
        return setIssueStatus(tx, id, 'preparing');
      });
    },

    pauseIssue: (id, actor) =>
      change(id, actor, 'paused', { from: ['sending'], done: ['paused'] }, (tx) => setIssueStatus(tx, id, 'paused')),

    resumeIssue: (id, actor) =>
      change(id, actor, 'resumed', { from: ['paused'], done: ['sending'] }, async (tx) => {
        await sendTurns(dependencies, tx, await takeChains(tx, id, chainsPerIssue, clock.now()));
        return setIssueStatus(tx, id, 'sending');
      }),

    cancelIssue: (id, actor) =>
      change(
        id,
        actor,
        'cancelled',
        { from: ['draft', 'preparing', 'sending', 'paused', 'failed'], done: ['cancelled'] },
        async (tx, { startedAt }) => {
          await setIssueStatus(tx, id, 'cancelled');
          // What is queued is skipped by a chain: there may be a million of them.
          if (startedAt === null) await finishIssue(tx, id, 'cancelled', clock.now());
          else await sendTurns(dependencies, tx, await takeChains(tx, id, 1, clock.now()));
          return getIssue(tx, id);
        },
      ),

    async compile(issue) {
      const [template, ...found] = await Promise.all([findTemplate(database, issue.templateId), ...issue.articleIds.map(findPublished)]);
      const articles = found.filter((article) => article !== undefined);
      if (articles.length === 0) {
        throw new AppError('nothing_to_send', 'None of the articles of this campaign is published any more.', { status: 409 });
      }
      const { subject, preheader } = issue;
      return compute.run<IssueToCompile, IssueContent>(
        compileWorker,
        { template, subject, preheader, date: issue.startedAt ?? clock.now(), articles, site, postalAddress },
        { timeoutMs: compileTimeoutMs },
      );
    },
  };
}

function subjectOf(first: PublishedArticle, count: number): string {
  const more = count === 1 ? '' : count === 2 ? ' and one more' : ` and ${count - 1} more`;
  return `${truncate(toLine(first.title), maxSubjectLength - more.length)}${more}`;
}

const toLine = (text: string) => text.replace(/[\p{Cc}\s]+/gu, ' ').trim();

/** One line for a header: said rather than mended, since what is sent should be what was written. */
function checkLine(path: string, text: string): string {
  if (/\p{Cc}/u.test(text))
    throw invalid('A line of the mail holds control characters.', [{ path, message: 'must not hold control characters' }]);
  if (text.trim() === '') throw invalid('A line of the mail is empty.', [{ path, message: 'must not be empty' }]);
  return text.trim();
}

function isUnknownSegment(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === '23503' && 'constraint' in error && /segment/.test(String(error.constraint))
  );
}
