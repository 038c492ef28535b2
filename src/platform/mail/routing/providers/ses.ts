/** Tag of an SES message under which its events give back the delivery: `mail.tags.aquascene_delivery[0]`. */
export const sesDeliveryTag = 'aquascene_delivery';

// A tag's value is of letters, digits, _ and - only, and our keys have a dot in their midst.
const encodedDot = '--dot--';

const sesTagOf = (key: string): string => key.replaceAll('.', encodedDot);
export const keyOfSesTag = (tag: string): string => tag.replaceAll(encodedDot, '.');

/** Amazon SES: events are published by a configuration set; tags come back with them. */
export function sesHeaders(key: string, configurationSet: string | undefined): Record<string, string> {
  return {
    ...(configurationSet !== undefined && { 'X-SES-CONFIGURATION-SET': configurationSet }),
    'X-SES-MESSAGE-TAGS': `${sesDeliveryTag}=${sesTagOf(key)}`,
  };
}
