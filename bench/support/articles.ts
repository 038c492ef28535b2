import type { Context } from '#app/context';

const sentences = [
  'Light, nutrients and carbon dioxide are in balance when plants grow and algae do not.',
  'A change shows after two or three weeks, so only one thing is changed at a time.',
  'Half of the water every week takes out what the plants have not used.',
  'Stem plants are cut a hand below the surface and grow two shoots where they had one.',
  'In soft water the dose is halved and the leaves are watched for holes.',
];

/** Published by way of the workflow: `count` articles of some `words` words each. @returns their ids and slugs */
export async function publishArticles(
  { database, contentManager }: Pick<Context, 'database' | 'contentManager'>,
  count: number,
  words: number,
): Promise<{ id: string; slug: string }[]> {
  const articles: { id: string; slug: string }[] = [];
  for (let index = 0; index < count; index += 1) {
    const title = `What a planted tank needs in week ${index + 1}`;
    const paragraphs = Math.max(1, Math.round(words / 75));
    const text = sentences.join(' ');
    const draft = await database.transaction((tx) =>
      contentManager.createDraft(
        tx,
        {
          generationId: null,
          title,
          summary: `${sentences[0]} ${title} is told here from the sources, with what to look at first and what can wait until the weekend.`,
          metaDescription: title,
          contentType: 'guide',
          language: 'en',
          category: 'techniques',
          tags: [],
          sections: Array.from({ length: paragraphs }, (_, part) => ({
            heading: `${title}, part ${part + 1}`,
            paragraphs: [[{ text, citations: [] }]],
          })),
          citations: [],
          writer: 'person',
          qualityScore: null,
          qualityChecks: [],
        },
        'bench',
      ),
    );
    const { id, slug } = await contentManager.publishNow(draft.id, 'bench');
    articles.push({ id, slug });
  }
  return articles;
}
