import { createHash } from 'node:crypto';
import { recordAudit } from '#platform/audit';
import type { Compute } from '#platform/compute';
import { normalizeEmail } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';
import { AppError, conflict, type FieldFault, invalid } from '#shared/errors';
import { lineFaults, textFaults } from '../campaigns/drafts/draft-fields.ts';
import { sendTransactionalJob } from '../distributor-jobs.ts';
import type { Audience, Site } from '../distributor-types.ts';
import { deleteEnded, findByKey, getMail, insertMail, listOverdue, settleMail } from './mail-store.ts';
import { getTemplate } from './mail-template-store.ts';
import type { MailSource, TransactionalMail } from './mail-types.ts';
import type { MailToRender } from './render-mail.ts';

export type MailRequest = {
  readonly to: { readonly address?: string; readonly name?: string; readonly subscriberId?: string };
  /** Name of a template; otherwise the subject and a body. */
  readonly template?: string;
  readonly subject?: string;
  readonly html?: string;
  readonly text?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
};

export type TransactionalMails = {
  /**
   * Committed when it returns. The same key of the same caller gives the first mail again, whatever became of it.
   * @throws AppError `invalid_request` | `template_faulty` | `idempotency_key_reused`
   */
  accept(request: MailRequest, caller: { readonly id: string; readonly key: string }): Promise<TransactionalMail>;
  /** Says what became of one of which nobody knows. */
  resolve(id: string, outcome: 'sent' | 'failed' | 'resend', actor: string): Promise<TransactionalMail>;
  /** Tries what is written with these variables. @throws AppError `template_faulty` */
  render(source: MailSource, variables: Readonly<Record<string, unknown>>): Promise<MailSource>;
  /** Gives a new job to what has lost its own, and forgets what was kept long enough. */
  resume(): Promise<void>;
};

export type TransactionalDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock'> & {
  readonly compute: Compute;
  readonly site: Site;
  readonly subscribers: Pick<Audience, 'findRecipients'>;
};

const worker = new URL('./render-mail-worker.ts', import.meta.url);
/** Of CPU time. */
const renderTimeoutMs = 5000;
const resumeAtOnce = 1000;
const overdueMs = 60_000;
/** After that a key may be used anew. */
const keptMs = 90 * 24 * 3600_000;

export function createTransactionalMails(dependencies: TransactionalDependencies): TransactionalMails {
  const { database, jobs, clock, compute, site, subscribers } = dependencies;

  const render = (source: MailSource, variables: Readonly<Record<string, unknown>>) => {
    const values = { ...variables, site: { title: site.title, url: `${site.baseUrl}/`, language: site.language } };
    return compute.run<MailToRender, MailSource>(worker, { ...source, variables: values }, { timeoutMs: renderTimeoutMs });
  };

  async function sourceOf(request: MailRequest): Promise<MailSource> {
    const { template, subject, html = '', text = '' } = request;
    if (template === undefined) {
      const faults: FieldFault[] =
        subject === undefined ? [{ path: '/subject', message: 'is required without a template' }] : lineFaults('/subject', subject);
      if (html.trim() === '' && text.trim() === '') faults.push({ path: '/html', message: 'is required, or text, without a template' });
      faults.push(...textFaults('/html', html), ...textFaults('/text', text));
      if (faults.length > 0 || subject === undefined) throw invalid('The mail is not valid.', faults);
      return { subject, html, text };
    }
    const both = (['subject', 'html', 'text'] as const).filter((name) => request[name] !== undefined);
    if (both.length > 0)
      throw invalid(
        'The mail is not valid.',
        both.map((name) => ({ path: `/${name}`, message: 'must be left out with a template' })),
      );
    return getTemplate(database, template);
  }

  async function recipientOf({ address, name, subscriberId }: MailRequest['to']) {
    const faults: FieldFault[] = name === undefined ? [] : lineFaults('/to/name', name);
    const given = address === undefined ? undefined : normalizeEmail(address);
    if (address !== undefined && given === undefined) faults.push({ path: '/to/address', message: 'is no mail address' });
    if (address === undefined && subscriberId === undefined)
      faults.push({ path: '/to', message: 'must have an address or a subscriberId' });
    const [known] = subscriberId === undefined ? [] : await subscribers.findRecipients(database, [subscriberId]);
    if (subscriberId !== undefined && (known === undefined || known.obstacle === 'erased')) {
      faults.push({ path: '/to/subscriberId', message: 'is not the id of a subscriber' });
    }
    const email = given ?? known?.email;
    if (faults.length > 0 || email === undefined) throw invalid('The recipient is not valid.', faults);
    return { address: email, recipientName: name ?? known?.name ?? null, subscriberId: subscriberId ?? null };
  }

  return {
    render,

    async accept(request, caller) {
      const requestHash = createHash('sha256').update(JSON.stringify(request)).digest();
      const before = await findByKey(database, caller.id, caller.key);
      if (before !== undefined) return sameRequest(before, requestHash);
      const recipient = await recipientOf(request.to);
      const content = await render(await sourceOf(request), request.variables ?? {});
      // What a variable brought in: no line of it begins another header.
      const faults = lineFaults('/subject', content.subject);
      if (faults.length > 0) throw invalid('The subject is not valid once its variables are filled in.', faults);
      const id = clock.newId();
      return database.transaction(async (tx) => {
        const mail = await insertMail(tx, {
          ...recipient,
          ...content,
          id,
          subject: content.subject.slice(0, 500).toWellFormed(),
          template: request.template ?? null,
          caller: caller.id,
          idempotencyKey: caller.key,
          requestHash,
          createdAt: clock.now(),
        });
        if (mail === undefined) {
          const first = await findByKey(tx, caller.id, caller.key);
          if (first === undefined)
            throw new AppError('mail_gone', 'The first mail of this key was removed meanwhile.', { retryable: true });
          return sameRequest(first, requestHash);
        }
        await jobs.send(tx, sendTransactionalJob, { mailId: id });
        return mail;
      });
    },

    async resolve(id, outcome, actor) {
      await database.transaction(async (tx) => {
        const mail = await getMail(tx, id);
        if (mail.status !== 'uncertain') throw conflict(`mail_${mail.status}`, `The mail is ${mail.status}: there is nothing to resolve.`);
        if (outcome === 'resend' && mail.html === null) throw conflict('mail_forgotten', 'What the mail said is no longer known.');
        const now = clock.now();
        const change =
          outcome === 'resend' ? ({ status: 'queued', nextAttemptAt: now } as const) : ({ status: outcome, nextAttemptAt: null } as const);
        if (!(await settleMail(tx, mail, { ...change, reason: `resolved by ${actor}` }, now))) return;
        const details = { outcome };
        await recordAudit(tx, {
          id: clock.newId(),
          at: now,
          actor,
          action: 'transactional-mail.resolved',
          subject: `transactional-mail:${id}`,
          details,
        });
        if (outcome === 'resend') await jobs.send(tx, sendTransactionalJob, { mailId: id });
      });
      return getMail(database, id);
    },

    async resume() {
      const now = clock.now().getTime();
      const overdue = await listOverdue(database, new Date(now - overdueMs), resumeAtOnce);
      await jobs.sendMany(
        database,
        sendTransactionalJob,
        overdue.map((mailId) => ({ data: { mailId } })),
      );
      let deleted = resumeAtOnce;
      while (deleted === resumeAtOnce) deleted = await deleteEnded(database, new Date(now - keptMs), resumeAtOnce);
    },
  };
}

function sameRequest(mail: TransactionalMail & { readonly requestHash: Buffer }, requestHash: Buffer): TransactionalMail {
  if (mail.requestHash.equals(requestHash)) return mail;
  throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used for another mail.', {
    status: 422,
    fields: [{ path: '/headers/idempotency-key', message: 'was used for another mail' }],
  });
}
