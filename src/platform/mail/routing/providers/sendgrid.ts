/** Unique argument of a SendGrid message: a field of each event of its webhook. */
export const sendgridDeliveryArgument = 'aquascene_delivery';

/** SendGrid: unique arguments come back with every event. */
export const sendgridHeaders = (key: string): Record<string, string> => ({
  'X-SMTPAPI': JSON.stringify({ unique_args: { [sendgridDeliveryArgument]: key } }),
});
