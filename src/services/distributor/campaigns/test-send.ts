import { compileMessage, type MailTransport, normalizeEmail, parseMailbox } from '#platform/mail';
import type { Clock } from '#shared/clock';
import { type FieldFault, invalid } from '#shared/errors';
import type { Audience, Issue } from '../distributor-types.ts';
import { untrackedReader } from '../rendering/preview-reader.ts';
import { compileRecipientTemplate } from '../rendering/recipient-template.ts';
import { findReader, type PreviewOptions, type PreviewRequest } from './preview.ts';

export const maxTestAddresses = 10;

export type TestSendOptions = Pick<PreviewOptions, 'database' | 'compile'> & {
  readonly subscribers: Pick<Audience, 'findRecipients' | 'isSuppressed'>;
  readonly mail: Pick<MailTransport, 'deliver'>;
  readonly mailFrom: string;
  readonly site: { readonly baseUrl: string };
  readonly clock: Clock;
};

export type TestOutcome = { readonly address: string; readonly outcome: 'accepted' | 'rejected' | 'unknown'; readonly response: string };

/**
 * Sends the mail to a few addresses, marked, on the way that the campaign's own mails take, but in no ledger: nothing is tracked,
 * and its way out leads to a page that signs nobody off.
 * @throws AppError `invalid_request` that names each address that is none, or that gets no mail
 */
export async function sendTest(
  options: TestSendOptions,
  issue: Issue,
  request: PreviewRequest & { readonly addresses: readonly string[] },
): Promise<TestOutcome[]> {
  const addresses = await readAddresses(options.subscribers, request.addresses);
  const content = await options.compile(issue);
  const variant = request.variant ?? 0;
  const version = content.variants[variant];
  if (version === undefined) {
    throw invalid('There is no such variant.', [{ path: '/variant', message: `must be from 0 to ${content.variants.length - 1}` }]);
  }
  const recipient = request.subscriberId === undefined ? null : await findReader(options, issue, request.subscriberId);
  const template = compileRecipientTemplate(version);
  const from = parseMailbox(options.mailFrom);
  const message = compileMessage({
    from,
    subject: ['[Test] ', ...template.subject],
    text: template.text,
    html: recipient?.format === 'text' ? null : template.html,
    // No answer by a machine, and no list to leave.
    headers: { 'Auto-Submitted': 'auto-generated' },
  });
  const values = template.fill(untrackedReader(recipient, issue, content, `${options.site.baseUrl}/#test`));
  const domain = from.address.split('@')[1] ?? 'localhost';
  const outcomes: TestOutcome[] = [];
  for (const address of addresses) {
    const messageId = `<test.${options.clock.newId()}@${domain}>`;
    const raw = message.write({ to: { address }, messageId, date: options.clock.now(), values, headers: {} });
    const { kind, response } = await options.mail.deliver({ envelope: { from: from.address, to: address }, messageId, raw });
    outcomes.push({ address, outcome: kind, response });
  }
  return outcomes;
}

async function readAddresses(subscribers: Pick<Audience, 'isSuppressed'>, given: readonly string[]): Promise<string[]> {
  const faults: FieldFault[] = [];
  const addresses = new Set<string>();
  for (const [index, text] of given.entries()) {
    const address = normalizeEmail(text);
    if (address === undefined) faults.push({ path: `/addresses/${index}`, message: 'is no mail address' });
    else if (await subscribers.isSuppressed(address)) faults.push({ path: `/addresses/${index}`, message: 'is on the suppression list' });
    else addresses.add(address);
  }
  if (faults.length > 0) throw invalid('Not all of these addresses can get a test.', faults);
  return [...addresses];
}
