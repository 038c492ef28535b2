import type { QualityCheck } from '#shared/article-text';
import { createTestContext, type TestContext } from '../../../../../tests/support/test-context.ts';
import type { Draft } from '../../article-types.ts';
import { type Articles, createArticles } from '../articles.ts';

/** For tests: the articles on a database of their own, their queues ready, nothing at work on them yet. */
export type TestArticles = TestContext & {
  readonly articles: Articles;
  draftOf(change?: Partial<Draft>): Draft;
  /** Keeps a draft and gives its id. */
  createDraft(change?: Partial<Draft>): Promise<string>;
};

export const testPack = {
  categories: [
    { slug: 'plants', name: 'Plants', description: 'All that grows.' },
    { slug: 'algae', name: 'Algae', description: '' },
  ],
  tags: [
    { slug: 'low-light', name: 'Low light', terms: ['low light'] },
    { slug: 'shrimp', name: 'Shrimp', terms: [] },
  ],
};

const rawContentId = '0199aaaa-bbbb-7ccc-8ddd-0123456789ab';

export function factsCheck(severity: 'warning' | 'error'): QualityCheck {
  return { name: 'facts', score: 0.9, weight: 1, findings: [{ message: 'contradicts', start: 0, end: 3, severity }] };
}

export async function createTestArticles({ hasQueues = true } = {}): Promise<TestArticles> {
  const context = await createTestContext();
  const articles = createArticles({ ...context, site: { baseUrl: 'http://localhost:8000' }, pack: testPack });
  if (hasQueues) await context.jobs.prepare(articles.work.jobs.map(({ definition }) => definition));

  const draftOf = (change: Partial<Draft> = {}): Draft => ({
    generationId: null,
    title: 'Plants for low light',
    summary: 'Which plants grow in the shade.',
    metaDescription: 'Plants that grow with little light.',
    contentType: 'guide',
    language: 'en',
    category: 'plants',
    tags: ['low-light'],
    sections: [
      {
        heading: 'Anubias',
        paragraphs: [
          [
            { text: 'Anubias grows in the shade.', citations: [1] },
            { text: 'It grows slowly.', citations: [2] },
          ],
        ],
      },
    ],
    citations: [
      {
        ...{ ordinal: 1, rawContentId, startOffset: 10, endOffset: 37, quote: 'Anubias grows in the shade.' },
        ...{ sourceUrl: 'https://example.org/anubias', sourceTitle: 'Anubias', sourceAuthor: 'A. Author' },
      },
      {
        ...{ ordinal: 2, rawContentId, startOffset: 40, endOffset: 56, quote: 'It grows slowly.' },
        ...{ sourceUrl: 'https://example.org/anubias', sourceTitle: 'Anubias', sourceAuthor: null },
      },
    ],
    writer: 'extractive',
    qualityScore: 0.82,
    qualityChecks: [factsCheck('warning')],
    ...change,
  });

  return {
    ...context,
    articles,
    draftOf,
    async createDraft(change) {
      const { id } = await context.database.transaction((tx) => articles.createDraft(tx, draftOf(change), 'writer'));
      return id;
    },
  };
}
