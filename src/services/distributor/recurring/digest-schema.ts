import { type Static, Type } from 'typebox';
import { closed, nullable, Uuid } from '#shared/schema';
import type { RecurringDigest } from './digest-store.ts';

const time = Type.String({ format: 'date-time' });
const Status = Type.Enum(['active', 'paused']);
const fields = {
  status: Type.Optional(Status),
  template: Type.Optional(Type.String({ pattern: '^[\\w-]+$', maxLength: 100, description: 'Name of a template; digest unless told.' })),
  timezone: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Of the IANA database; UTC unless told.' })),
  segmentId: Type.Optional(nullable(Uuid)),
  topics: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 20,
      description: 'Only articles of these categories, to readers who chose one of them or chose none. None: everything, to everybody.',
    }),
  ),
  minArticles: Type.Optional(Type.Integer({ minimum: 1, maximum: 20, description: 'With fewer new ones, they wait for the next time.' })),
  subject: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 300, description: 'Liquid over count, first and date.' }))),
};
const Name = Type.String({ minLength: 1, maxLength: 100 });
const Cron = Type.String({ minLength: 9, maxLength: 100, description: 'Five fields, read in the time zone: 0 9 * * 1.' });
const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

export const NewDigestBody = Type.Object({ name: Name, cron: Cron, ...fields }, closed);
export const DigestChangeBody = Type.Object(
  { version: Type.Optional(Version), name: Type.Optional(Name), cron: Type.Optional(Cron), ...fields },
  {
    ...closed,
    minProperties: 1,
    description: '`version`: that the change was made on: 409 when it is another by now. Left out, the last to write wins.',
  },
);

export const DigestView = Type.Object({
  id: Uuid,
  name: Type.String(),
  status: Status,
  template: Type.String(),
  cron: Type.String(),
  timezone: Type.String(),
  segmentId: nullable(Uuid),
  topics: Type.Array(Type.String()),
  minArticles: Type.Integer(),
  subject: nullable(Type.String()),
  coveredUntil: Type.String({ format: 'date-time', description: 'What was published until then is in a digest, or was before the first.' }),
  nextRunAt: nullable(time),
  lastRunAt: nullable(time),
  lastOutcome: nullable(Type.Enum(['sent', 'nothing_new', 'failed'])),
  lastReason: nullable(Type.String()),
  lastIssueId: nullable(Uuid),
  version: Type.Integer(),
  createdBy: Type.String(),
  createdAt: time,
  updatedAt: time,
});

export function digestView(digest: RecurringDigest): Static<typeof DigestView> {
  return {
    ...digest,
    topics: [...digest.topics],
    coveredUntil: digest.coveredUntil.toISOString(),
    nextRunAt: digest.nextRunAt?.toISOString() ?? null,
    lastRunAt: digest.lastRunAt?.toISOString() ?? null,
    createdAt: digest.createdAt.toISOString(),
    updatedAt: digest.updatedAt.toISOString(),
  };
}
