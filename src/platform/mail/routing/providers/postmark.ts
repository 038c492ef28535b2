/** Key of Postmark's `Metadata` in each of its webhooks; at most 20 characters long. */
export const postmarkDeliveryField = 'delivery';

/** Postmark: metadata, at most 80 characters a value, comes back with every event. */
export const postmarkHeaders = (key: string): Record<string, string> =>
  key.length > 80 ? {} : { [`X-PM-Metadata-${postmarkDeliveryField}`]: key };
