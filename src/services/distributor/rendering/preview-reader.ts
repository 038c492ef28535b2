import type { Recipient } from '../distributor-types.ts';
import type { RecipientValues } from './recipient-template.ts';

const emptyImage = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';

/**
 * A recipient whose mail counts for nothing: links lead straight to their pages, nothing is tracked, and the way out leads
 * nowhere. `null`: somebody of whom nothing is known.
 */
export function untrackedReader(
  recipient: Omit<Recipient, 'id' | 'obstacle'> | null,
  issue: { readonly variables: Readonly<Record<string, unknown>> },
  content: { readonly links: readonly { readonly url: string }[] },
  wayOut: string,
): RecipientValues {
  const reader = recipient ?? {
    name: null,
    email: 'reader@example.org',
    language: 'en',
    country: null,
    timezone: null,
    tags: [],
    topics: [],
    customFields: {},
    format: 'html' as const,
    segments: [],
  };
  const { customFields, ...values } = reader;
  return {
    ...values,
    fields: customFields,
    unsubscribeUrl: wayOut,
    preferencesUrl: wayOut,
    openUrl: emptyImage,
    links: content.links.map(({ url }) => url),
    variables: issue.variables,
  };
}
