import { recordAudit } from '#platform/audit';
import type { HttpClient } from '#platform/http-client';
import type { ServiceDependencies } from '#platform/service';
import { messageOf } from '#shared/errors';
import { deliverWebhookJob } from './webhook-jobs.ts';
import { disableAfterMs, nextDelayMs } from './webhook-retries.ts';
import { signMessage } from './webhook-secrets.ts';
import {
  type AttemptResult,
  beginAttempt,
  type DeliveryKey,
  deleteOldMessages,
  endAttempt,
  failPending,
  listOverdue,
  lockEndpoint,
  saveEndpoint,
} from './webhook-store.ts';
import type { WebhookAttempt } from './webhook-types.ts';

/** The specification asks for 15 to 30 s. */
const answerTimeoutMs = 20_000;
const leaseMs = 60_000;
const maxAnswerBytes = 64 * 1024;
const maxErrorLength = 300;
const overdueMs = 120_000;
const overdueAtOnce = 500;
const retentionMs = 30 * 24 * 3600_000;
const deletedAtOnce = 5000;
const gone = 410;

type Dependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock' | 'logger' | 'metrics'> & {
  readonly httpClient: HttpClient;
  readonly secret: string;
};

type Answer = { readonly status: number | null; readonly error: string | null };

/**
 *   pending ──2xx──▶ delivered          failed at everything for five days, or answered 410 Gone: the endpoint is disabled
 *      │ ▲
 *      │ └── retry after 5 s … 24 h     replay puts `delivered` and `failed` back to `pending`
 *      └──── last attempt ─▶ failed
 *
 * A message may arrive twice (a crash after the answer); its `webhook-id` stays the same, by which a receiver knows it again.
 */
export function createWebhookDelivery({ database, jobs, clock, logger, metrics, httpClient, secret }: Dependencies) {
  const attempts = metrics.counter('aquascene_webhook_attempts_total', 'Attempts to hand over outgoing webhooks', ['outcome']);

  async function post({ endpoint, messageId, type, payload, occurredAt }: WebhookAttempt): Promise<Answer> {
    const body = JSON.stringify({ type, timestamp: occurredAt.toISOString(), data: payload });
    try {
      const { status } = await httpClient.fetch(endpoint.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'AquaScene-Webhooks/1.0',
          ...signMessage(secret, endpoint, { id: messageId, body }, clock.now()),
        },
        body,
        retries: 0,
        // A receiver that has moved says so to its owner; what is signed for one address is not sent to another.
        maxRedirects: 0,
        totalTimeoutMs: answerTimeoutMs,
        maxBytes: maxAnswerBytes,
      });
      return { status, error: status >= 200 && status < 300 ? null : `answered ${status}` };
    } catch (error) {
      return { status: null, error: messageOf(error).slice(0, maxErrorLength) };
    }
  }

  function resultOf({ status, error }: Answer, attempt: number, now: Date): AttemptResult {
    if (error === null) return { status: 'delivered', responseStatus: status, error, nextAttemptAt: null };
    const delayMs = status === gone ? undefined : nextDelayMs(attempt, clock.random());
    const nextAttemptAt = delayMs === undefined ? null : new Date(now.getTime() + delayMs);
    return { status: nextAttemptAt === null ? 'failed' : 'pending', responseStatus: status, error, nextAttemptAt };
  }

  async function deliver(key: DeliveryKey): Promise<void> {
    const startedAt = clock.now();
    const attempt = await beginAttempt(database, key, startedAt, new Date(startedAt.getTime() + leaseMs));
    if (attempt === undefined) return;
    const answer = await post(attempt);
    const now = clock.now();
    const result = resultOf(answer, attempt.attempts, now);
    attempts.inc({ outcome: answer.error === null ? 'delivered' : 'failed' });
    await database.transaction(async (tx) => {
      const endpoint = await lockEndpoint(tx, key.endpointId);
      if (endpoint === undefined || !(await endAttempt(tx, key, attempt.attempts, result, now))) return;
      if (result.nextAttemptAt !== null) await jobs.send(tx, deliverWebhookJob, key, { startAfter: result.nextAttemptAt });
      const failingSince = answer.error === null ? null : (endpoint.failingSince ?? now);
      const isHopeless = failingSince !== null && now.getTime() - failingSince.getTime() >= disableAfterMs;
      if (endpoint.status === 'active' && (answer.status === gone || isHopeless)) {
        const reason = answer.status === gone ? 'the endpoint answered 410 Gone' : `failed at everything for five days: ${answer.error}`;
        logger.warn({ endpointId: endpoint.id, reason }, 'a webhook endpoint was disabled');
        await saveEndpoint(tx, { ...endpoint, failingSince, status: 'disabled', statusReason: reason }, now);
        await failPending(tx, endpoint.id, 'the endpoint was disabled', now);
        const what = { actor: 'rule:webhook-failures', action: 'webhook-endpoint.disabled', subject: `webhook-endpoint:${endpoint.id}` };
        await recordAudit(tx, { id: clock.newId(), at: now, ...what, details: { reason } });
      } else if (failingSince?.getTime() !== endpoint.failingSince?.getTime()) {
        await saveEndpoint(tx, { ...endpoint, failingSince }, endpoint.updatedAt);
      }
    });
  }

  async function tend(): Promise<void> {
    const now = clock.now();
    const overdue = await listOverdue(database, new Date(now.getTime() - overdueMs), overdueAtOnce);
    await jobs.sendMany(
      database,
      deliverWebhookJob,
      overdue.map((data) => ({ data })),
    );
    while ((await deleteOldMessages(database, new Date(now.getTime() - retentionMs), deletedAtOnce)) === deletedAtOnce);
  }

  return { deliver, tend };
}
