import { type Static, Type } from 'typebox';
import { closed, nullable, Uuid } from '#shared/schema';
import type { DeliveryRow } from '../deliveries/delivery-store.ts';
import { type DeliveryCounts, type Issue, issueStatuses } from '../distributor-types.ts';
import { maxArticles, maxBlocks, maxTopics, maxVariableLength, maxVariables, maxVariants } from './drafts/draft-fields.ts';

const time = Type.String({ format: 'date-time' });
const maxBodyLength = 100_000;

export const deliveryStatuses = ['queued', 'claimed', 'sending', 'sent', 'failed', 'skipped', 'uncertain'] as const;
const kinds = ['campaign', 'digest', 'sequence_step'] as const;

export const IssueStatus = Type.Enum([...issueStatuses]);
export const IssueKind = Type.Enum([...kinds]);
export const DeliveryStatus = Type.Enum([...deliveryStatuses]);

const Subject = Type.String({ minLength: 1, maxLength: 200, description: 'Liquid; what differs by reader is filled in for each.' });
const Preheader = Type.String({ maxLength: 300, description: 'Shown beside the subject in a list of mails.' });
const Body = Type.String({ maxLength: maxBodyLength, description: 'Markdown.' });
const TemplateName = Type.String({ pattern: '^[\\w-]+$', maxLength: 100, description: 'Name of a template; digest unless told.' });

const Block = Type.Object(
  {
    slot: Type.String({ pattern: '^[\\w-]+$', maxLength: 64 }),
    segmentIds: Type.Array(Uuid, { maxItems: 20 }),
    body: Body,
  },
  { ...closed, description: 'A part for the readers of some segments only.' },
);
const VariableValue = Type.Union([Type.String({ maxLength: maxVariableLength }), Type.Number(), Type.Boolean()]);
const Variables = Type.Record(Type.String(), VariableValue, { maxProperties: maxVariables, description: 'For the template, by name.' });
const Variant = Type.Object(
  { subject: Type.Optional(Subject), preheader: Type.Optional(Preheader), body: Type.Optional(Body) },
  { ...closed, description: 'What is left out is as in the campaign.' },
);
const AbTest = Type.Object(
  {
    share: Type.Number({
      minimum: 0.01,
      maximum: 1,
      description: 'Part of the audience that gets the variants, in equal shares. 1: there is no rest.',
    }),
    metric: Type.Enum(['clicks', 'opens']),
    hours: Type.Integer({ minimum: 1, maximum: 168, description: 'From the last mail of the test to the decision.' }),
  },
  closed,
);
const Mode = Type.Enum(['at', 'reader_timezone', 'reader_hour'], {
  description:
    'at: one moment. reader_timezone: that time of day by each reader’s clock. reader_hour: from then on, at the hour that each reader prefers. ' +
    'Who reads is settled when the first mail is due; whoever joins later is not among them.',
});
export const ScheduleBody = Type.Object(
  {
    mode: Type.Optional(Mode),
    at: Type.String({ maxLength: 40, description: '2026-12-01T09:00, read in the time zone, or with an offset.' }),
    timezone: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'Of the IANA database; UTC unless told. Counts for readers without one.' }),
    ),
  },
  closed,
);

const changeable = {
  preheader: Type.Optional(Preheader),
  body: Type.Optional(Body),
  blocks: Type.Optional(Type.Array(Block, { maxItems: maxBlocks })),
  variables: Type.Optional(Variables),
  textOverride: Type.Optional(
    nullable(Type.String({ minLength: 1, maxLength: maxBodyLength, description: 'The text part, written by hand.' })),
  ),
  articleIds: Type.Optional(Type.Array(Uuid, { maxItems: maxArticles, description: 'Published articles, in the order of the mail.' })),
  segmentId: Type.Optional(nullable(Uuid)),
  topics: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: maxTopics,
      description: 'Readers who chose topics get it when one of theirs is named. None: everybody.',
    }),
  ),
  template: Type.Optional(TemplateName),
  tracking: Type.Optional(Type.Enum(['individual', 'anonymous', 'off'])),
  onUncertain: Type.Optional(
    Type.Enum(['hold', 'resend'], { description: 'Where nobody knows whether a mail arrived: wait for a person, or rather send twice.' }),
  ),
  variants: Type.Optional(Type.Array(Variant, { maxItems: maxVariants })),
  abTest: Type.Optional(nullable(AbTest)),
  schedule: Type.Optional(nullable(ScheduleBody)),
};
const Version = Type.Integer({
  minimum: 1,
  maximum: 2_147_483_647,
  description: 'Of the campaign that the change was made on: 409 when it is another by now. Left out, the last to write wins.',
});

export const NewCampaignBody = Type.Object({ subject: Subject, ...changeable }, closed);
export const CampaignChangeBody = Type.Object(
  { version: Type.Optional(Version), subject: Type.Optional(Subject), ...changeable },
  { ...closed, minProperties: 1 },
);
export const CopyBody = Type.Object({ subject: Type.Optional(Subject), ...changeable }, closed);
export const ResendBody = Type.Object(
  { subject: Subject, preheader: changeable.preheader, body: changeable.body, schedule: changeable.schedule },
  closed,
);
export const VersionQuery = Type.Object({ version: Type.Optional(Version) }, closed);
export const WinnerBody = Type.Object({ variant: Type.Integer({ minimum: 0, maximum: maxVariants - 1 }) }, closed);
export const ResolutionBody = Type.Object(
  { outcome: Type.Enum(['sent', 'failed', 'resend'], { description: 'resend: once more, at the risk of a second copy.' }) },
  closed,
);
export const CountView = Type.Object({ count: Type.Integer() });

const AbResultView = Type.Object({
  winner: Type.Integer(),
  decidedBy: Type.String(),
  decidedAt: time,
  metric: Type.String(),
  variants: Type.Array(Type.Object({ variant: Type.Integer(), sent: Type.Integer(), engaged: Type.Integer(), rate: Type.Number() })),
  pValue: nullable(Type.Number()),
  isSignificant: Type.Boolean({
    description: 'Whether the difference would come by chance in fewer than 5 of 100 tests. If not, the best has won all the same.',
  }),
});

export const CampaignView = Type.Object({
  id: Uuid,
  kind: IssueKind,
  key: Type.String(),
  subject: Type.String(),
  preheader: Type.String(),
  body: Type.String(),
  blocks: Type.Array(Block),
  variables: Type.Record(Type.String(), Type.Unknown()),
  textOverride: nullable(Type.String()),
  templateId: Uuid,
  articleIds: Type.Array(Uuid),
  segmentId: nullable(Uuid),
  topics: Type.Array(Type.String()),
  tracking: Type.String(),
  onUncertain: Type.String(),
  variants: Type.Array(Variant),
  abTest: nullable(AbTest),
  abDecideAt: nullable(time),
  abResult: nullable(AbResultView),
  winner: nullable(Type.Integer()),
  schedule: nullable(Type.Object({ mode: Mode, at: time, timezone: Type.String() })),
  scheduledAt: nullable(time),
  resendOf: nullable(Uuid),
  createdBy: Type.String(),
  version: Type.Integer(),
  status: IssueStatus,
  statusReason: nullable(Type.String()),
  createdAt: time,
  startedAt: nullable(time),
  finishedAt: nullable(time),
});

const Counts = Type.Object(
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
);
export const CampaignWithCounts = Type.Object({ ...CampaignView.properties, deliveries: Counts });

export const DeliveryView = Type.Object({
  subscriberId: Uuid,
  status: DeliveryStatus,
  attempts: Type.Integer(),
  variant: nullable(Type.Integer({ description: 'Null while it waits for the winner of a test.' })),
  reason: nullable(Type.String()),
  changedAt: time,
  nextAttemptAt: nullable(time),
});

const timeOf = (at: Date | null) => at?.toISOString() ?? null;

export function viewOf(issue: Issue): Static<typeof CampaignView> {
  return {
    ...issue,
    variables: { ...issue.variables },
    articleIds: [...issue.articleIds],
    topics: [...issue.topics],
    blocks: issue.blocks.map((block) => ({ ...block, segmentIds: [...block.segmentIds] })),
    variants: [...issue.variants],
    abResult: issue.abResult === null ? null : { ...issue.abResult, variants: [...issue.abResult.variants] },
    abDecideAt: timeOf(issue.abDecideAt),
    scheduledAt: timeOf(issue.scheduledAt),
    createdAt: issue.createdAt.toISOString(),
    startedAt: timeOf(issue.startedAt),
    finishedAt: timeOf(issue.finishedAt),
  };
}

export function viewWithCounts(issue: Issue, deliveries: DeliveryCounts): Static<typeof CampaignWithCounts> {
  return { ...viewOf(issue), deliveries };
}

export function deliveryView(row: DeliveryRow): Static<typeof DeliveryView> {
  const { subscriberId, status, attempts, variant, reason } = row;
  // Who waits for a winner is due at no time that could be said.
  const nextAttemptAt = row.nextAttemptAt instanceof Date ? row.nextAttemptAt.toISOString() : null;
  return { subscriberId, status, attempts, variant, reason, changedAt: row.changedAt.toISOString(), nextAttemptAt };
}
