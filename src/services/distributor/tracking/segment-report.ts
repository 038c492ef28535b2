import { type Database, sql } from '#platform/database';
import type { Audience } from '../distributor-types.ts';

export type SegmentFigures = {
  readonly segmentId: string;
  readonly sent: number;
  readonly opened: number;
  readonly humanOpened: number;
  readonly clicked: number;
  readonly humanClicked: number;
};

/**
 * What the members of each segment did with the issue: those who belong to it now and may be written to now, as its rules say in
 * this moment. Who left since counts nowhere. Nothing is kept: the table is the transaction's own.
 * @throws AppError `not_found` (404) for a segment that does not exist
 */
export function readSegmentFigures(
  database: Database,
  subscribers: Pick<Audience, 'enqueueAudience'>,
  issueId: string,
  segmentIds: readonly string[],
): Promise<SegmentFigures[]> {
  return database.transaction(async (tx) => {
    await tx.execute(
      'segment-figures.create',
      sql`create temporary table segment_figures (segment_id uuid, sent int, opened int, human_opened int, clicked int, human_clicked int) on commit drop`,
    );
    for (const segmentId of segmentIds) {
      await subscribers.enqueueAudience(tx, {
        segmentId,
        insertFrom: (audience) => sql`
          insert into segment_figures
          select ${segmentId}::uuid, count(*), count(o.events), count(*) filter (where o.human > 0), count(c.events), count(*) filter (where c.human > 0)
          from (${audience}) as member
          join deliveries d on d.issue_id = ${issueId}::uuid and d.subscriber_id = member.id and d.status = 'sent'
          left join email_engagements o on o.issue_id = ${issueId}::uuid and o.what = -1 and o.subscriber_id = member.id
          left join email_engagements c on c.issue_id = ${issueId}::uuid and c.what = -2 and c.subscriber_id = member.id`,
      });
    }
    return tx.query(
      'segment-figures.read',
      sql<SegmentFigures>`select segment_id as "segmentId", sent, opened, human_opened as "humanOpened", clicked, human_clicked as "humanClicked"
          from segment_figures`,
    );
  });
}
