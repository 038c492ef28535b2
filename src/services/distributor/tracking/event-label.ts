import { isbot } from 'isbot';
import type { EmailEvent, EventLabel } from './email-event.ts';
import { applePrivacyAgent, gmailPrefetchAgent, imageProxyAgent, isOfApple, isOfGateway, scannerAgent } from './machine-readers.ts';

/** Nobody opens a mail, and clicks in it, so soon after our server handed it over. */
const inhumanlySoonMs = 1000;
/** A picture proxy that comes so soon was not called by a reader. */
const proxyIsEarlyMs = 10_000;

export type EventEvidence = {
  readonly type: 'open' | 'click';
  readonly userAgent: string | undefined;
  /** Looked at here and kept nowhere. */
  readonly address: string;
  readonly isHoneypot: boolean;
};

/**
 * Who an open or a click came from, as far as the request tells, and what it is instead if it came too early. Whether a reader is
 * behind a click is known better when it is seen what else was clicked: see click-bursts.ts.
 */
export function labelOf({ type, userAgent, address, isHoneypot }: EventEvidence): Required<Pick<EmailEvent, 'label' | 'early'>> {
  const certain = (label: EventLabel) => ({ label, early: undefined });
  const unlessEarly = (label: EventLabel) => ({ label, early: { label: 'scanner' as const, withinMs: inhumanlySoonMs } });
  if (isHoneypot || isOfGateway(address)) return certain('scanner');
  const agent = userAgent?.trim() ?? '';
  if (type === 'open') {
    if (agent === applePrivacyAgent || gmailPrefetchAgent.test(agent) || isOfApple(address)) return certain('prefetch');
    if (imageProxyAgent.test(agent)) return { label: 'human', early: { label: 'prefetch', withinMs: proxyIsEarlyMs } };
  }
  if (agent === '') return unlessEarly('unknown');
  if (scannerAgent.test(agent) || isbot(agent)) return certain('scanner');
  return unlessEarly('human');
}
