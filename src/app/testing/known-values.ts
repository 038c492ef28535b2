import type { Schema } from './api-description.ts';
import { script, storableTexts } from './hostile-input.ts';
import { mjml } from './mail-stock.ts';
import type { Stock } from './stock.ts';

/** Fields that only a value of this engine satisfies, or that are worth a nastier one. */
export function createKnownValues(stock: Stock): (schema: Schema) => Record<string, unknown> {
  let serial = 0;
  const idOf = (path: string) => stock.get(path)?.id;
  const ofAll = (): Record<string, unknown> => ({
    email: `o'brien+${serial}%_"x"@example.org`.replaceAll('"', ''),
    address: `o'brien%_${serial}@example.org`,
    addresses: [`o'brien%_${serial}@example.org`],
    emails: [`o'brien+${serial}%_x@example.org`, 'nobody'],
    to: { address: `o'brien%_${serial}@example.org`, name: `O'Brien ${script}` },
    url: `https://example.org/${serial}/<b>'"%00?q=%ED%A0%80`,
    articleIds: [idOf('/api/v1/analytics/content')],
    contentId: idOf('/api/v1/analytics/content'),
    segmentId: idOf('/api/v1/segments'),
    subscriberId: idOf('/api/v1/subscribers'),
    subscriberIds: [idOf('/api/v1/subscribers')],
    rules: { any: [{ field: 'tags', operator: 'contains_any', value: storableTexts.slice(0, 2) }, { not: { all: [] } }] },
    definition: {
      trigger: { type: 'manual' },
      steps: [{ id: 'a', type: 'send', subject: script, body: storableTexts.slice(0, 5).join('\n\n') }],
    },
    cron: '0 8 * * 1',
    mjml,
    textTemplate: '{{ issue.subject }} {% raw %}{{ unsubscribe_url }}{% endraw %}',
    copyOf: 'digest',
    // Liquid that fills nothing in.
    html: `<p>${script}</p>`,
    text: storableTexts[1],
    variables: { name: script },
    sample: { name: script },
    blocks: [],
    variants: [],
    abTest: null,
    schedule: null,
    altTexts: [script],
    hashtags: ['moss'],
    template: 'digest',
    category: 'plants',
    tags: [],
    topics: [],
    fields: [],
    redirectUrl: null,
    consentStatement: `Send me ${script}`,
    citations: [],
    sections: [{ heading: script, paragraphs: storableTexts }],
    scopes: ['content:read'],
    country: 'BG',
    language: 'en',
    timezone: 'Europe/Sofia',
    customFields: { a: script },
    at: '2126-05-01T12:00:00Z',
    version: undefined,
  });
  return ({ properties = {}, required = [] }) => {
    serial += 1;
    const known = Object.entries(ofAll()).filter(
      ([name, value]) => name in properties && (value !== undefined || !required.includes(name)),
    );
    return Object.fromEntries(known);
  };
}
