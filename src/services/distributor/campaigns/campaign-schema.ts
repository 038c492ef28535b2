import { type Static, Type } from 'typebox';
import type { DeliveryRow } from '../deliveries/delivery-store.ts';
import { type DeliveryCounts, type Issue, issueStatuses } from '../distributor-types.ts';

const uuid = Type.String({ format: 'uuid', maxLength: 36 });
const nullable = <T extends ReturnType<typeof Type.String>>(type: T) => Type.Union([type, Type.Null()]);
const time = Type.String({ format: 'date-time' });

export const deliveryStatuses = ['queued', 'claimed', 'sending', 'sent', 'failed', 'skipped', 'uncertain'] as const;

export const IssueStatus = Type.Enum([...issueStatuses]);
export const DeliveryStatus = Type.Enum([...deliveryStatuses]);
export const IdParams = Type.Object({ id: uuid });

const issueFields = {
  id: uuid,
  key: Type.String(),
  subject: Type.String(),
  preheader: Type.String(),
  templateId: uuid,
  articleIds: Type.Array(uuid),
  segmentId: nullable(uuid),
  status: IssueStatus,
  statusReason: nullable(Type.String()),
  createdAt: time,
  startedAt: nullable(time),
  finishedAt: nullable(time),
};

export const CampaignView = Type.Object(issueFields);
export const CampaignWithCounts = Type.Object({
  ...issueFields,
  deliveries: Type.Object(
    {
      total: Type.Integer(),
      queued: Type.Integer(),
      claimed: Type.Integer(),
      sending: Type.Integer(),
      sent: Type.Integer(),
      failed: Type.Integer(),
      skipped: Type.Integer(),
      uncertain: Type.Integer({ description: 'Under way when a connection or process ended: may have arrived, and is not sent again.' }),
    },
    { description: 'Recipients by what became of their mail.' },
  ),
});

export const NewCampaignBody = Type.Object(
  {
    subject: Type.String({ minLength: 1, maxLength: 200 }),
    preheader: Type.Optional(Type.String({ maxLength: 300, description: 'Shown beside the subject in a list of mails.' })),
    articleIds: Type.Array(uuid, { minItems: 1, maxItems: 20, description: 'Published articles, in the order of the mail.' }),
    segmentId: Type.Optional(Type.Union([uuid, Type.Null()], { description: 'Whom it goes to; every active subscriber unless told.' })),
    template: Type.Optional(Type.String({ pattern: '^[\\w-]+$', maxLength: 100, description: 'Name of a template; digest unless told.' })),
  },
  { additionalProperties: false },
);

export const Preview = Type.Object({ subject: Type.String(), html: Type.String(), text: Type.String() });

export const DeliveryView = Type.Object({
  subscriberId: uuid,
  status: DeliveryStatus,
  attempts: Type.Integer(),
  reason: nullable(Type.String()),
  changedAt: time,
  nextAttemptAt: nullable(time),
});

export function viewOf(issue: Issue): Static<typeof CampaignView> {
  return {
    ...issue,
    articleIds: [...issue.articleIds],
    createdAt: issue.createdAt.toISOString(),
    startedAt: issue.startedAt?.toISOString() ?? null,
    finishedAt: issue.finishedAt?.toISOString() ?? null,
  };
}

export function viewWithCounts(issue: Issue, deliveries: DeliveryCounts): Static<typeof CampaignWithCounts> {
  return { ...viewOf(issue), deliveries };
}

export function deliveryView(row: DeliveryRow): Static<typeof DeliveryView> {
  return { ...row, changedAt: row.changedAt.toISOString(), nextAttemptAt: row.nextAttemptAt?.toISOString() ?? null };
}
