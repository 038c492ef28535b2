import { type Queryable, sql } from '#platform/database';

export type SegmentUse = { readonly kind: 'campaign' | 'sequence'; readonly id: string; readonly name: string };

const maxUses = 50;

/** What a segment cannot be removed from: campaigns (for good, since their readers are told by it), recurring digests, sequences. */
export function findSegmentUses(database: Queryable, segmentId: string): Promise<SegmentUse[]> {
  return database.query(
    'segments.uses',
    sql<SegmentUse>`
      select 'campaign' as kind, id, subject as name from newsletter_issues
        where segment_id = ${segmentId}::uuid or blocks @> jsonb_build_array(jsonb_build_object('segmentIds', jsonb_build_array(${segmentId}::text)))
      union all
      select 'campaign', id, name from recurring_digests where segment_id = ${segmentId}::uuid
      union all
      select 'sequence', id, name from sequences
        where status <> 'archived' and position(lower(${segmentId}) in lower(definition::text)) > 0
      limit ${maxUses}`,
  );
}
