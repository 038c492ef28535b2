import { recordAudit } from '#platform/audit';
import type { Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { AppError, conflict, invalid } from '#shared/errors';
import { preheaderOf, subjectOf } from '../campaigns/digest.ts';
import { lineFaults, maxArticles } from '../campaigns/drafts/draft-fields.ts';
import { insertIssue, recordAction, setIssueStatus } from '../campaigns/issue-store.ts';
import { prepareIssueJob } from '../distributor-jobs.ts';
import type { ArticleSource, Audience, PublishedArticle } from '../distributor-types.ts';
import {
  type DigestPlan,
  deleteDigest,
  getDigest,
  insertDigest,
  isDigestNameTaken,
  keepRun,
  listDueDigests,
  lockDigest,
  type RecurringDigest,
  updateDigest,
} from './digest-store.ts';
import { fillSubject } from './digest-subject.ts';
import { cronFaults, nextRunAfter } from './next-run.ts';

export type DigestInput = Partial<Omit<DigestPlan, 'nextRunAt'>>;
export type NewDigest = DigestInput & Pick<DigestPlan, 'name' | 'cron'>;

export type RecurringDigests = {
  create(digest: NewDigest, actor: string): Promise<RecurringDigest>;
  /** `version`: that the change was made on; left out, the last to write wins. */
  change(id: string, change: DigestInput & { readonly version?: number }, actor: string): Promise<RecurringDigest>;
  remove(id: string, actor: string): Promise<void>;
  /** At once, beside the calendar. What it carries is not carried again. */
  runNow(id: string, actor: string): Promise<RecurringDigest>;
  /** Makes those that are due. A time that was missed is made up for once, however many there were. */
  runDue(signal: AbortSignal): Promise<void>;
};

export type RecurringDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock' | 'logger'> & {
  readonly contentManager: Pick<ArticleSource, 'listPublished'>;
  readonly subscribers: Pick<Audience, 'hasSegment'>;
  readonly templateIdOf: (name: string) => Promise<string>;
};

const blank: Omit<DigestPlan, 'name' | 'cron' | 'nextRunAt'> = {
  status: 'active',
  template: 'digest',
  timezone: 'UTC',
  segmentId: null,
  topics: [],
  minArticles: 1,
  subject: null,
};

export function createRecurringDigests(dependencies: RecurringDependencies): RecurringDigests {
  const { database, jobs, clock, logger, contentManager, subscribers, templateIdOf } = dependencies;

  /** @throws AppError `invalid_request` that names each faulty field */
  async function plan(digest: Omit<DigestPlan, 'nextRunAt'>): Promise<DigestPlan> {
    const { name, cron, timezone, subject, segmentId, topics } = digest;
    const now = clock.now();
    const faults = [
      ...lineFaults('/name', name),
      ...cronFaults(cron, timezone, now),
      ...(subject === null ? [] : lineFaults('/subject', subject)),
      ...topics.flatMap((topic, index) => lineFaults(`/topics/${index}`, topic)),
    ];
    if (subject !== null && faults.length === 0) {
      try {
        fillSubject(subject, [sampleArticle], now, timezone);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        faults.push({ path: '/subject', message: error.message });
      }
    }
    if (segmentId !== null && !(await subscribers.hasSegment(segmentId)))
      faults.push({ path: '/segmentId', message: 'is not the id of a segment' });
    if (faults.length > 0) {
      throw invalid(`The digest is not valid: ${faults.map(({ path, message }) => `${path} ${message}`).join('; ')}.`, faults);
    }
    await templateIdOf(digest.template);
    return { ...digest, nextRunAt: digest.status === 'active' ? (nextRunAfter(cron, timezone, now) ?? null) : null };
  }

  const record = (tx: Transaction, actor: string, action: string, id: string, details: object = {}) =>
    recordAudit(tx, {
      id: clock.newId(),
      at: clock.now(),
      actor,
      action: `recurring-digest.${action}`,
      subject: `recurring-digest:${id}`,
      details,
    });

  /**
   * Under the digest's lock: whoever comes second finds the next time ahead. The issue and that time commit together, and the
   * issue goes the way of every issue from there on.
   */
  async function run(id: string, actor: string, isDue: (digest: RecurringDigest) => boolean): Promise<RecurringDigest> {
    // Read beforehand: the articles are another service's.
    const before = await getDigest(database, id);
    const templateId = await templateIdOf(before.template);
    const published = await contentManager.listPublished({ since: new Date(before.coveredUntil.getTime() + 1), limit: maxArticles });
    return database.transaction(async (tx) => {
      const digest = await lockDigest(tx, id);
      if (!isDue(digest)) return digest;
      // Another run has carried what was read here.
      if (digest.coveredUntil.getTime() !== before.coveredUntil.getTime() || digest.version !== before.version) {
        throw new AppError('digest_changed', 'The digest was changed meanwhile; try again.', { status: 409, retryable: true });
      }
      const now = clock.now();
      const nextRunAt = digest.status === 'active' ? (nextRunAfter(digest.cron, digest.timezone, now) ?? null) : null;
      const articles = aboutTopics(published, digest.topics);
      if (articles.length < digest.minArticles) {
        const reason = `${articles.length} of ${digest.minArticles} articles`;
        return keepRun(tx, id, { at: now, outcome: 'nothing_new', reason, issueId: null, coveredUntil: digest.coveredUntil, nextRunAt });
      }
      const issueId = await makeIssue(tx, digest, templateId, articles, actor);
      // Articles about other things were passed over for good; those that were published later than the newest are still to come.
      const coveredUntil = new Date(Math.max(...published.map(({ publishedAt }) => publishedAt.getTime())));
      await record(tx, actor, 'run', id, { issueId, articles: articles.length });
      return keepRun(tx, id, { at: now, outcome: 'sent', reason: null, issueId, coveredUntil, nextRunAt });
    });
  }

  async function makeIssue(
    tx: Transaction,
    digest: RecurringDigest,
    templateId: string,
    articles: readonly PublishedArticle[],
    actor: string,
  ) {
    const now = clock.now();
    const [first] = articles;
    if (first === undefined) throw new Error('a digest is made of articles');
    const issueId = clock.newId();
    const issue = await insertIssue(tx, {
      id: issueId,
      key: `recurring-${digest.id}-${digest.coveredUntil.toISOString()}-${now.toISOString()}`,
      kind: 'digest',
      subject: digest.subject === null ? subjectOf(first, articles.length) : fillSubject(digest.subject, articles, now, digest.timezone),
      preheader: preheaderOf(articles),
      templateId,
      articleIds: articles.map((article) => article.id),
      segmentId: digest.segmentId,
      topics: digest.topics,
      createdBy: `recurring:${digest.name}`,
      createdAt: now,
    });
    if (issue === undefined) throw conflict('digest_exists', 'This digest was made already.');
    await recordAction(tx, { id: clock.newId(), at: now, actor, action: 'campaign.created', issueId });
    await setIssueStatus(tx, issueId, 'preparing');
    await jobs.send(tx, prepareIssueJob, { issueId }, { singletonKey: issueId });
    return issueId;
  }

  return {
    async create(given, actor) {
      const digest = await plan({ ...blank, ...given });
      return database.transaction(async (tx) => {
        const now = clock.now();
        const created = await insertDigest(tx, { ...digest, id: clock.newId(), coveredUntil: now, createdBy: actor, createdAt: now });
        if (created === undefined) throw nameTaken();
        await record(tx, actor, 'created', created.id);
        return created;
      });
    },

    async change(id, { version, ...given }, actor) {
      const current = await getDigest(database, id);
      const next = await plan({ ...planOf(current), ...given });
      return database.transaction(async (tx) => {
        const locked = await lockDigest(tx, id);
        if (version !== undefined && version !== locked.version) {
          throw conflict('digest_changed', `The digest was changed meanwhile: it is at version ${locked.version}, not ${version}.`);
        }
        if (locked.version !== current.version) throw conflict('digest_changed', 'The digest was changed meanwhile; try again.');
        if (await isDigestNameTaken(tx, next.name, id)) throw nameTaken();
        await record(tx, actor, 'changed', id, { fields: Object.keys(given) });
        return updateDigest(tx, id, next, clock.now());
      });
    },

    async remove(id, actor) {
      await database.transaction(async (tx) => {
        const { name } = await lockDigest(tx, id);
        await deleteDigest(tx, id);
        await record(tx, actor, 'deleted', id, { name });
      });
    },

    runNow: (id, actor) => run(id, actor, () => true),

    async runDue(signal) {
      for (const id of await listDueDigests(database, clock.now())) {
        if (signal.aborted) return;
        try {
          await run(id, 'calendar', ({ status, nextRunAt }) => status === 'active' && nextRunAt !== null && nextRunAt <= clock.now());
        } catch (error) {
          // One digest's fault, such as a template that is gone, is not the others'; what may pass is tried with the next look.
          logger.warn({ err: error, digestId: id }, 'a recurring digest could not be made');
          if (error instanceof AppError && !error.retryable && error.status < 500) await skipRun(id, error.message);
        }
      }
    },
  };

  async function skipRun(id: string, reason: string): Promise<void> {
    await database.transaction(async (tx) => {
      const { status, cron, timezone, coveredUntil } = await lockDigest(tx, id);
      const now = clock.now();
      const nextRunAt = status === 'active' ? (nextRunAfter(cron, timezone, now) ?? null) : null;
      await keepRun(tx, id, { at: now, outcome: 'failed', reason, issueId: null, coveredUntil, nextRunAt });
    });
  }
}

/** A digest about topics carries the articles of these categories. */
function aboutTopics(articles: readonly PublishedArticle[], topics: readonly string[]): PublishedArticle[] {
  if (topics.length === 0) return [...articles];
  return articles.filter(({ category }) => category !== null && topics.includes(category));
}

function planOf(digest: RecurringDigest): Omit<DigestPlan, 'nextRunAt'> {
  const { name, status, template, cron, timezone, segmentId, topics, minArticles, subject } = digest;
  return { name, status, template, cron, timezone, segmentId, topics, minArticles, subject };
}

const sampleArticle: PublishedArticle = {
  id: '00000000-0000-4000-8000-000000000000',
  slug: 'a',
  title: 'A title',
  summary: 'A summary.',
  url: 'https://example.org/a',
  language: 'en',
  category: null,
  publishedAt: new Date(0),
};

const nameTaken = () => invalid('Another digest has this name.', [{ path: '/name', message: 'is taken' }]);
