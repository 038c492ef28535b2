import { Ajv } from 'ajv';
import { type Static, Type } from 'typebox';
import { closed } from '#shared/schema';

const SentenceOutput = Type.Object(
  {
    text: Type.String({ description: 'One whole sentence.' }),
    passages: Type.Array(Type.String(), { description: 'Ids of the passages that it rests on.' }),
  },
  closed,
);

// Only keywords that the strict modes of the providers accept; lengths are checked afterwards.
export const ArticleOutputSchema = Type.Object(
  {
    summary: SentenceOutput,
    sections: Type.Array(
      Type.Object(
        {
          heading: Type.Integer({ description: 'Number of the heading, from 1.' }),
          paragraphs: Type.Array(Type.Object({ sentences: Type.Array(SentenceOutput) }, closed)),
        },
        closed,
      ),
    ),
  },
  closed,
);

export type ArticleOutput = Static<typeof ArticleOutputSchema>;

const isValid = new Ajv({ strict: false }).compile(ArticleOutputSchema);

/** @returns the value, or what is wrong with it */
export function validateArticleOutput(value: unknown): { success: true; value: ArticleOutput } | { success: false; error: Error } {
  if (isValid(value)) return { success: true, value: value as ArticleOutput };
  const [fault] = isValid.errors ?? [];
  return { success: false, error: new Error(`${fault?.instancePath ?? ''} ${fault?.message ?? 'is not an article'}`.trim()) };
}
