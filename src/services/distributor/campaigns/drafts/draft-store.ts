import { type Queryable, sql } from '#platform/database';
import type { Issue } from '../../distributor-types.ts';
import { issueColumns } from '../issue-store.ts';
import type { DraftFields } from './draft-fields.ts';

const json = (value: unknown) => (value === null ? null : JSON.stringify(value));

/** Writes all fields; the issue must be locked. */
export function updateIssue(tx: Queryable, id: string, fields: DraftFields & Pick<Issue, 'templateId' | 'schedule'>): Promise<Issue> {
  return tx.one(
    'issues.update',
    sql<Issue>`update newsletter_issues
        set subject = ${fields.subject}, preheader = ${fields.preheader}, body = ${fields.body}, blocks = ${json(fields.blocks)}::jsonb,
            variables = ${json(fields.variables)}::jsonb, text_override = ${fields.textOverride}, article_ids = ${fields.articleIds}::uuid[],
            segment_id = ${fields.segmentId}, topics = ${fields.topics}::text[], tracking = ${fields.tracking},
            on_uncertain = ${fields.onUncertain}, variants = ${json(fields.variants)}::jsonb, ab_test = ${json(fields.abTest)}::jsonb,
            template_id = ${fields.templateId}, schedule = ${json(fields.schedule)}::jsonb, version = version + 1
        where id = ${id}::uuid returning ${issueColumns}`,
  );
}

export async function deleteIssue(tx: Queryable, id: string): Promise<void> {
  await tx.execute('issues.delete', sql`delete from newsletter_issues where id = ${id}::uuid`);
}
