import { invalid } from '#shared/errors';
import { truncate } from '#shared/text';
import { lineFaults, toLine } from '../campaigns/drafts/draft-fields.ts';
import type { PublishedArticle } from '../distributor-types.ts';
import { readTemplate, recipientTextEngine, toLiteralLiquid } from '../rendering/template-engine.ts';

const maxSubjectLength = 200;

/**
 * A digest's subject from its template: Liquid over `count`, `first` (title of the newest article) and `date` (2 December 2026).
 * @throws AppError `template_faulty` | `invalid_request`
 */
export function fillSubject(template: string, articles: readonly PublishedArticle[], now: Date, timezone: string): string {
  const values = {
    count: articles.length,
    first: toLine(articles[0]?.title ?? ''),
    date: new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: timezone }).format(now),
  };
  const subject = truncate(readTemplate(recipientTextEngine, 'subject', template, values).trim(), maxSubjectLength);
  const faults = lineFaults('/subject', subject);
  if (faults.length > 0) throw invalid('The subject is not valid once it is filled in.', faults);
  return toLiteralLiquid(subject);
}
