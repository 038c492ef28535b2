import { type Static, Type } from 'typebox';
import { QueuedSchema } from '#platform/jobs';
import { contentTypes } from '#shared/article-text';
import { closed, LanguageCode, nullable, Slug, Uuid } from '#shared/schema';

/** Not only white space. */
const textOf = (maxLength: number, description?: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '\\S',
    ...(description !== undefined && { description }),
  });
const NullableString = nullable(Type.String());

export const ContentTypeSchema = Type.Enum([...contentTypes]);

export const BriefSchema = Type.Object(
  {
    title: textOf(200),
    query: textOf(500, 'What is looked for in the sources.'),
    language: LanguageCode,
    contentType: ContentTypeSchema,
    category: Type.Union([Slug, Type.Null()], { description: 'Slug of a category of the publication.' }),
    tags: Type.Array(Slug, { maxItems: 20 }),
    headings: Type.Array(Type.Object({ heading: textOf(120), query: textOf(300) }, closed), {
      maxItems: 10,
      description: 'Parts of the article, each with what is looked for. Empty: taken from the sources.',
    }),
  },
  closed,
);

export const BriefInputSchema = Type.Object(
  {
    title: BriefSchema.properties.title,
    query: Type.Optional(BriefSchema.properties.query),
    language: Type.Optional(LanguageCode),
    contentType: Type.Optional(ContentTypeSchema),
    category: Type.Optional(BriefSchema.properties.category),
    tags: Type.Optional(BriefSchema.properties.tags),
    headings: Type.Optional(BriefSchema.properties.headings),
  },
  closed,
);
export type BriefInput = Static<typeof BriefInputSchema>;

export const StatusSchema = Type.Enum(['queued', 'written', 'declined', 'failed']);

export const GenerationSchema = Type.Object({
  id: Uuid,
  status: StatusSchema,
  reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it was declined or failed.' }),
  writer: Type.Union([Type.String(), Type.Null()], { description: "'extractive' or '<provider>/<model>'." }),
  contentId: Type.Union([Uuid, Type.Null()], { description: 'The draft, once written.' }),
  brief: Type.Object({
    title: Type.String(),
    query: Type.String(),
    language: Type.String(),
    contentType: Type.String(),
    category: NullableString,
    tags: Type.Array(Type.String()),
    headings: Type.Array(Type.Object({ heading: Type.String(), query: Type.String() })),
  }),
  createdAt: Type.String({ format: 'date-time' }),
  finishedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});

/** The request as it was taken, and the job that writes it. */
export const QueuedGenerationSchema = Type.Object({ ...GenerationSchema.properties, ...QueuedSchema.properties });

export const BatchBodySchema = Type.Object({ items: Type.Array(BriefInputSchema, { minItems: 1, maxItems: 100 }) }, closed);

const GenerationOutcomeSchema = Type.Union([
  Type.Object({ status: QueuedSchema.properties.status, id: Uuid, jobId: QueuedSchema.properties.jobId }),
  Type.Object({
    status: Type.Literal('failed'),
    error: Type.Object({
      code: Type.String(),
      message: Type.String(),
      retryable: Type.Boolean({ description: 'The same may succeed later; with another Idempotency-Key.' }),
    }),
  }),
]);
export type GenerationOutcome = Static<typeof GenerationOutcomeSchema>;

export const BatchResultSchema = Type.Object({
  items: Type.Array(GenerationOutcomeSchema, { description: 'One for each that was asked for, in their order.' }),
});

export const CheckBodySchema = Type.Object(
  {
    title: textOf(200),
    text: textOf(100_000, 'Plain text. Blank lines part paragraphs; a paragraph that begins with # is a heading.'),
    metaDescription: Type.Optional(Type.String({ maxLength: 500 })),
    language: Type.Optional(LanguageCode),
    contentType: Type.Optional(ContentTypeSchema),
    tags: Type.Optional(Type.Array(Slug, { maxItems: 20 })),
  },
  closed,
);
export type CheckBody = Static<typeof CheckBodySchema>;

export const CheckResultSchema = Type.Object({
  qualityScore: Type.Number(),
  text: Type.String({ description: 'The text as it was checked; positions refer to it.' }),
  checks: Type.Array(
    Type.Object({
      name: Type.String(),
      score: Type.Number({ description: '0 to 1; 1 is best.' }),
      weight: Type.Number({ description: 'Share in the quality score.' }),
      findings: Type.Array(
        Type.Object({
          message: Type.String(),
          start: Type.Union([Type.Integer(), Type.Null()]),
          end: Type.Union([Type.Integer(), Type.Null()]),
          severity: Type.String(),
        }),
      ),
    }),
  ),
});
