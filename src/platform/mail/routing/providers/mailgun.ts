/** Key of Mailgun's `event-data.user-variables` in each of its webhooks. */
export const mailgunDeliveryVariable = 'aquascene_delivery';

/** Mailgun: variables come back with every event. */
export const mailgunHeaders = (key: string): Record<string, string> => ({
  'X-Mailgun-Variables': JSON.stringify({ [mailgunDeliveryVariable]: key }),
});
