import { type Static, type TProperties, Type } from 'typebox';
import { PageQuery } from '#platform/http-server';
import { contentTypes } from '#shared/article-text';
import { closed, LanguageCode, nullable, Slug, Uuid } from '#shared/schema';
import type { ArticleStatus } from '../article-types.ts';
import { workflowActions } from './workflow.ts';

const NullableString = nullable(Type.String());
const NullableNumber = nullable(Type.Number());

export const Status = Type.Enum([
  'draft',
  'in_review',
  'approved',
  'scheduled',
  'published',
  'archived',
  'rejected',
] satisfies ArticleStatus[]);
export const Kind = Type.Enum([...contentTypes]);

/** At least one character that is no white space. */
const text = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '\\S', ...(description !== undefined && { description }) });

// --- what comes in ---------------------------------------------------------------------------------------------------------

const Paragraph = Type.Union(
  [
    Type.String({ minLength: 1, maxLength: 20_000 }),
    Type.Array(
      Type.Object(
        { text: text(5000), citations: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 1000 }), { maxItems: 20 })) },
        closed,
      ),
      { minItems: 1, maxItems: 200 },
    ),
  ],
  { description: 'Plain text, whose sentences keep the citations they had; or sentences, each naming its citations.' },
);

const Sections = Type.Array(
  Type.Object({ heading: Type.String({ maxLength: 300 }), paragraphs: Type.Array(Paragraph, { maxItems: 200 }) }, closed),
  { minItems: 1, maxItems: 100 },
);

const NewCitation = Type.Object(
  {
    rawContentId: Uuid,
    startOffset: Type.Integer({ minimum: 0, maximum: 2_147_483_647 }),
    endOffset: Type.Integer({ minimum: 0, maximum: 2_147_483_647 }),
    quote: text(5000),
    sourceUrl: Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 2000 }),
    sourceTitle: text(500),
    sourceAuthor: Type.Optional(text(300)),
  },
  closed,
);

const Tags = Type.Array(Slug, { maxItems: 30, uniqueItems: true });
const NullableSlug = Type.Unsafe<string | null>({ ...Slug, type: ['string', 'null'] });
const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'The version that was read; a later one is a conflict.' });

const summaryLimit = 2000;
const metaDescriptionLimit = 500;

export const NewArticle = Type.Object(
  {
    title: text(300),
    summary: Type.Optional(Type.String({ maxLength: summaryLimit })),
    metaDescription: Type.Optional(Type.String({ maxLength: metaDescriptionLimit })),
    contentType: Kind,
    language: LanguageCode,
    category: Type.Optional(NullableSlug),
    tags: Type.Optional(Tags),
    sections: Sections,
    citations: Type.Optional(
      Type.Array(NewCitation, { maxItems: 500, description: 'Numbered from 1 in this order; sentences name the numbers.' }),
    ),
  },
  closed,
);

export const ArticleEditBody = Type.Object(
  {
    title: Type.Optional(text(300)),
    summary: Type.Optional(Type.String({ maxLength: summaryLimit })),
    metaDescription: Type.Optional(Type.String({ maxLength: metaDescriptionLimit })),
    category: Type.Optional(NullableSlug),
    tags: Type.Optional(Tags),
    sections: Type.Optional(Sections),
    reason: Type.Optional(text(1000, 'Why, as the version keeps it.')),
    version: Type.Optional(Version),
  },
  closed,
);

/** A POST that needs no body: none, or an object. */
const optionalBody = <P extends TProperties>(properties: P) =>
  Type.Unsafe<Static<ReturnType<typeof Type.Object<P>>> | null>({ ...Type.Object(properties, closed), type: ['object', 'null'] });

export const StepBody = optionalBody({ reason: Type.Optional(text(1000)), version: Type.Optional(Version) });
export const RejectBody = Type.Object({ reason: text(1000), version: Type.Optional(Version) }, closed);
export const ScheduleBody = Type.Object(
  {
    at: Type.String({ format: 'date-time', maxLength: 40, description: 'In the future.' }),
    reason: Type.Optional(text(1000)),
    version: Type.Optional(Version),
  },
  closed,
);

export const VersionParams = Type.Object({
  id: Uuid,
  version: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
});

export const ArticleQuery = Type.Object(
  {
    ...PageQuery,
    status: Type.Optional(Status),
    category: Type.Optional(Slug),
    tag: Type.Optional(Slug),
    language: Type.Optional(LanguageCode),
    type: Type.Optional(Kind),
    minQualityScore: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    q: Type.Optional(Type.String({ maxLength: 200, description: 'A part of the title or the summary.' })),
  },
  closed,
);

export const VersionQuery = Type.Object(
  { limit: PageQuery.limit, cursor: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,8}$', maxLength: 9 })) },
  closed,
);

export const WorkspaceChange = Type.Object(
  { autoApproveMinScore: Type.Optional(Type.Unsafe<number | null>({ type: ['number', 'null'], minimum: 0, maximum: 1 })) },
  closed,
);

// --- what goes out ---------------------------------------------------------------------------------------------------------

const headShape = {
  title: Type.String(),
  summary: Type.String(),
  metaDescription: Type.String(),
  contentType: Kind,
  language: Type.String(),
  category: NullableString,
  tags: Type.Array(Type.String()),
};

const summaryShape = {
  id: Type.String(),
  slug: Type.String(),
  ...headShape,
  writer: Type.String({ description: "'extractive', 'person' or '<provider>/<model>'." }),
  generationId: NullableString,
  status: Status,
  statusReason: NullableString,
  version: Type.Integer(),
  qualityScore: NullableNumber,
  createdAt: Type.String(),
  updatedAt: Type.String(),
  scheduledAt: NullableString,
  publishedAt: NullableString,
};

const textShape = {
  sections: Type.Array(
    Type.Object({
      heading: Type.String(),
      paragraphs: Type.Array(Type.Array(Type.Object({ text: Type.String(), citations: Type.Array(Type.Integer()) }))),
    }),
  ),
  citations: Type.Array(
    Type.Object({
      ordinal: Type.Integer(),
      rawContentId: Type.String(),
      startOffset: Type.Integer(),
      endOffset: Type.Integer(),
      quote: Type.String(),
      sourceUrl: Type.String(),
      sourceTitle: Type.String(),
      sourceAuthor: NullableString,
    }),
  ),
  qualityChecks: Type.Array(
    Type.Object({
      name: Type.String(),
      score: Type.Number(),
      weight: Type.Number(),
      findings: Type.Array(
        Type.Object({
          message: Type.String(),
          start: NullableNumber,
          end: NullableNumber,
          severity: Type.Enum(['info', 'warning', 'error']),
        }),
      ),
    }),
  ),
};

export const ArticleSummaryShape = Type.Object(summaryShape);
export const ArticleShape = Type.Object({
  ...summaryShape,
  ...textShape,
  allowedActions: Type.Array(Type.Enum([...workflowActions]), { description: 'The steps that its status allows.' }),
});

export const NotModified = Type.Unsafe<undefined>({ type: 'null', description: 'It is as the caller has it; no body.' });

const versionShape = {
  version: Type.Integer(),
  status: Status,
  title: Type.String(),
  change: Type.String(),
  actor: Type.String(),
  reason: NullableString,
  changedAt: Type.String(),
};
export const VersionSummaryShape = Type.Object(versionShape);
export const VersionShape = Type.Object({
  ...versionShape,
  snapshot: Type.Object({ ...headShape, qualityScore: NullableNumber, ...textShape }),
});

const figures = { articles: Type.Integer({ description: 'Of any status.' }), published: Type.Integer() };
export const CategoryList = Type.Object({
  items: Type.Array(Type.Object({ slug: Type.String(), name: Type.String(), description: Type.String(), ...figures })),
});
export const TagList = Type.Object({ items: Type.Array(Type.Object({ slug: Type.String(), name: Type.String(), ...figures })) });
export const Workspace = Type.Object({
  autoApproveMinScore: Type.Union([Type.Number(), Type.Null()], {
    description:
      'A new article whose quality score (0–1) reaches it is approved and published without a person, those that wait in review ' +
      'included; null: a person decides.',
  }),
});
