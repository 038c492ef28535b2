import { type Static, Type } from 'typebox';
import { closed, nullable, Uuid } from '#shared/schema';
import { DefinitionBody } from './definition-schema.ts';
import type { Enrolment, Sequence } from './sequence-types.ts';

const time = Type.String({ format: 'date-time' });
const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\u0000-\\u001f\\u007f]*\\S[^\\u0000-\\u001f\\u007f]*$' });
const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

export const SequenceStatus = Type.Enum(['draft', 'active', 'paused', 'archived']);
export const EnrolmentStatus = Type.Enum(['active', 'completed', 'exited']);
export const NewSequenceBody = Type.Object({ name: Name, definition: DefinitionBody }, closed);
export const SequenceChangeBody = Type.Object(
  { version: Type.Optional(Version), name: Type.Optional(Name), definition: Type.Optional(DefinitionBody) },
  {
    ...closed,
    minProperties: 1,
    description: '`version`: that the change was made on: 409 when it is another by now. Left out, the last to write wins.',
  },
);
export const EnrolBody = Type.Object({ subscriberIds: Type.Array(Uuid, { minItems: 1, maxItems: 100 }) }, closed);
export const FiguresQuery = Type.Object({ version: Type.Optional(Version) }, closed);

export const SequenceView = Type.Object({
  id: Uuid,
  name: Type.String(),
  status: SequenceStatus,
  definition: Type.Object({}, { additionalProperties: true }),
  activeVersion: nullable(
    Type.Integer({ description: 'That new readers begin with. Older than `version`: there are changes that were not activated.' }),
  ),
  version: Type.Integer(),
  createdBy: Type.String(),
  createdAt: time,
  updatedAt: time,
});

export const EnrolmentView = Type.Object({
  id: Uuid,
  subscriberId: Uuid,
  version: Type.Integer(),
  run: Type.Integer({ description: 'The how manieth time of this reader.' }),
  status: EnrolmentStatus,
  stepId: nullable(Type.String({ description: 'Done next.' })),
  dueAt: nullable(time),
  reason: nullable(Type.String()),
  enrolledAt: time,
  endedAt: nullable(time),
});

export const EnrolledView = Type.Object({
  enrolled: Type.Array(Uuid),
  skipped: Type.Array(Type.Object({ subscriberId: Uuid, reason: Type.String() })),
});

export const FiguresView = Type.Object({
  version: Type.Integer(),
  active: Type.Integer(),
  completed: Type.Integer(),
  exited: Type.Integer(),
  steps: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.String(),
      waiting: Type.Integer({ description: 'Readers whose next step it is.' }),
      outcomes: Type.Record(Type.String(), Type.Integer()),
      mails: nullable(
        Type.Object({
          sent: Type.Integer(),
          failed: Type.Integer(),
          skipped: Type.Integer(),
          opened: Type.Integer(),
          clicked: Type.Integer(),
        }),
      ),
      issueIds: Type.Array(Uuid),
    }),
  ),
});

export function sequenceView(sequence: Sequence): Static<typeof SequenceView> {
  return {
    ...sequence,
    activeVersion: sequence.activeVersion === 0 ? null : sequence.activeVersion,
    createdAt: sequence.createdAt.toISOString(),
    updatedAt: sequence.updatedAt.toISOString(),
  };
}

export function enrolmentView({ sequenceId: _, ...enrolment }: Enrolment): Static<typeof EnrolmentView> {
  return {
    ...enrolment,
    dueAt: enrolment.dueAt?.toISOString() ?? null,
    enrolledAt: enrolment.enrolledAt.toISOString(),
    endedAt: enrolment.endedAt?.toISOString() ?? null,
  };
}
