import type { ServiceDependencies } from '#platform/service';
import type { EmailEvent } from './email-event.ts';
import { recordEmailEvents } from './engagement-store.ts';
import { createGroupCommit } from './group-commit.ts';
import { isPassing } from './passing-failure.ts';

/** How long an answer waits for its event's commit, in ms. */
export type AnswerBudgetMs = { readonly open: number; readonly click: number };

/**
 * A picture can wait: nobody looks at it. A redirect is waited for, and goes out after this whatever the database does; committing
 * a group takes less as a rule (the bench `intake` tells how often it did not).
 */
const defaultBudgetMs: AnswerBudgetMs = { open: 1000, click: 7 };
const flushTimeoutMs = 5000;

export type EngagementRecorder = {
  /**
   * Resolves when the event is committed, or when its budget is used up: then it goes on being tried, for at most five minutes and
   * with at most 20,000 others. A reader is never shown an error because of our figures.
   */
  record(event: EmailEvent & { readonly type: 'open' | 'click' }): Promise<void>;
  /** When the server closes: what is under way is written before the database goes. */
  close(): Promise<void>;
};

/** Opens and clicks of many requests become one statement every few milliseconds. */
export function createEngagementRecorder({
  database,
  logger,
  metrics,
  answerBudgetMs = defaultBudgetMs,
}: Pick<ServiceDependencies, 'database' | 'logger' | 'metrics'> & {
  readonly answerBudgetMs?: AnswerBudgetMs | undefined;
}): EngagementRecorder {
  const recorded = metrics.counter('aquascene_email_engagements_total', 'Opens and clicks of mails', ['type', 'outcome']);
  const answered = metrics.counter('aquascene_email_engagement_answers_total', 'Answers to opens and clicks', ['type', 'when']);
  const count = (events: readonly EmailEvent[], outcome: string) => {
    for (const { type } of events) recorded.inc({ type, outcome });
  };

  const group = createGroupCommit<EmailEvent>({
    async write(events) {
      const issues = new Set(events.map(({ issueId }) => issueId));
      // One statement commits by itself.
      await (issues.size === 1 ? recordEmailEvents(database, events) : database.transaction((tx) => recordEmailEvents(tx, events)));
      count(events, 'recorded');
    },
    isRetryable: isPassing,
    onFailure: (error, events) => logger.warn({ err: error, events }, 'opens and clicks could not be recorded'),
    onDropped(events, error) {
      count(events, 'dropped');
      logger.error({ err: error, events: events.length }, 'opens and clicks were given up');
    },
  });

  return {
    async record(event) {
      const committed = group.add(event, answerBudgetMs[event.type]);
      if (committed === undefined) {
        count([event], 'dropped');
        return;
      }
      answered.inc({ type: event.type, when: (await committed) ? 'committed' : 'before' });
    },
    close: () => group.flush(flushTimeoutMs),
  };
}
