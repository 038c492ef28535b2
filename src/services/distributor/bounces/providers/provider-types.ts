import type { IncomingHttpHeaders } from 'node:http';
import type { MailEvent } from '../mail-event.ts';

/** What a provider posted, as it came. */
export type ProviderPost = { readonly headers: IncomingHttpHeaders; readonly body: Buffer };

export type ProviderReading =
  | { readonly kind: 'events'; readonly events: readonly MailEvent[]; readonly ignored: number }
  /** The provider asks whether we want its events: this address, which it signed, answers yes. */
  | { readonly kind: 'subscription'; readonly confirmUrl: string }
  /** Not from the provider, or too old. */
  | { readonly kind: 'forged'; readonly reason: string };

export type ProviderAdapter = {
  /** @throws AppError `invalid_request` (400) for what is signed, and still no event */
  read(post: ProviderPost, now: Date): Promise<ProviderReading>;
};

/** Of a signature that holds its time: older or newer is a replay. */
export const maxSignatureAgeMs = 15 * 60_000;
