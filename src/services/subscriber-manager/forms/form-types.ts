import type { PageLanguage } from '../messages/messages.ts';
import type { AskedField } from '../pages/reader-input.ts';

export type SubscriptionForm = {
  readonly id: string;
  /** `/subscribe/<slug>`; the form `default` stands at `/subscribe` as well. */
  readonly slug: string;
  /** For editors. */
  readonly name: string;
  readonly title: string;
  readonly intro: string;
  /** What the reader agrees to; kept word for word with each consent. */
  readonly consentStatement: string;
  readonly doubleOptIn: boolean;
  /** Set on whoever comes by the form. */
  readonly tags: readonly string[];
  readonly topics: readonly string[];
  /** Beside the address. */
  readonly fields: readonly AskedField[];
  readonly language: PageLanguage;
  /** Where the reader goes from here, on a host that the configuration names; null: a page of ours. */
  readonly redirectUrl: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export const defaultFormSlug = 'default';
