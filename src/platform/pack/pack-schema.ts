import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const Slug = Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', maxLength: 80 });
const Text = Type.String({ minLength: 1, maxLength: 500 });

export const VoiceSchema = Type.Object(
  {
    name: Text,
    description: Type.String({ maxLength: 2000 }),
    person: Type.Enum(['first', 'second', 'third']),
    tone: Type.Array(Text),
    banned_phrases: Type.Array(Type.Object({ phrase: Text, reason: Text, suggestion: Text }, closed)),
    preferred_terms: Type.Array(
      Type.Object({ avoid: Type.Array(Text, { minItems: 1 }), use: Text, case_sensitive: Type.Optional(Type.Boolean()) }, closed),
    ),
    exclamation_marks_per_1000_words_max: Type.Number({ minimum: 0 }),
    all_caps_words_max: Type.Integer({ minimum: 0 }),
    sentence_words_max: Type.Integer({ minimum: 5 }),
    passive_share_max: Type.Number({ minimum: 0, maximum: 1 }),
    reading_grade: Type.Object({ min: Type.Number(), max: Type.Number() }, closed),
  },
  closed,
);

export const TaxonomySchema = Type.Object(
  {
    categories: Type.Array(Type.Object({ slug: Slug, name: Text, description: Type.String({ maxLength: 1000 }) }, closed), { minItems: 1 }),
    tags: Type.Array(Type.Object({ slug: Slug, name: Text, terms: Type.Array(Text) }, closed)),
  },
  closed,
);

export const TopicsSchema = Type.Array(
  Type.Object(
    {
      slug: Slug,
      title: Text,
      query: Text,
      language: Type.Optional(Type.String({ pattern: '^[a-z]{2}$' })),
      content_type: Type.Enum(['guide', 'care_sheet', 'problem', 'list', 'news']),
      category: Slug,
      tags: Type.Array(Slug),
      headings: Type.Array(Type.Object({ heading: Text, query: Text }, closed), { minItems: 1 }),
    },
    closed,
  ),
);

export type Voice = Static<typeof VoiceSchema>;
export type Taxonomy = Static<typeof TaxonomySchema>;
export type Topic = Static<typeof TopicsSchema>[number];
