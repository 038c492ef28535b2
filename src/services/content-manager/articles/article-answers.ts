import type { FastifyRequest } from 'fastify';
import { invalid } from '#shared/errors';
import type { Article, ArticleSummary } from './article.ts';
import type { VersionSummary } from './version-store.ts';
import { actionsFrom } from './workflow.ts';

const isoOrNull = (time: Date | null): string | null => time?.toISOString() ?? null;

function showTimes(article: ArticleSummary) {
  return {
    createdAt: article.createdAt.toISOString(),
    updatedAt: article.updatedAt.toISOString(),
    scheduledAt: isoOrNull(article.scheduledAt),
    publishedAt: isoOrNull(article.publishedAt),
  };
}

export function showSummary(article: ArticleSummary) {
  return { ...article, tags: [...article.tags], ...showTimes(article) };
}

export function showArticle(article: Article) {
  return {
    ...article,
    ...showTimes(article),
    ...showText(article),
    tags: [...article.tags],
    allowedActions: actionsFrom(article.status),
  };
}

/** Mutable copies, as the response types ask for. */
export function showText({ sections, citations, qualityChecks }: Pick<Article, 'sections' | 'citations' | 'qualityChecks'>) {
  return {
    sections: sections.map(({ heading, paragraphs }) => ({
      heading,
      paragraphs: paragraphs.map((sentences) => sentences.map(({ text, citations: ordinals }) => ({ text, citations: [...ordinals] }))),
    })),
    citations: [...citations],
    qualityChecks: qualityChecks.map((check) => ({ ...check, findings: [...check.findings] })),
  };
}

export function showVersion<V extends VersionSummary>(version: V) {
  return { ...version, changedAt: version.changedAt.toISOString() };
}

/** Every change counts the version up, so it tells one state of an article from every other. */
export const etagOf = ({ version }: Pick<Article, 'version'>): string => `"${version}"`;

/** The tags of an If-Match or If-None-Match header; a proxy that compresses may have made them weak. */
const tagsOf = (header: string): string[] => header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));

export function hasCurrent(request: FastifyRequest, article: Article): boolean {
  const header = request.headers['if-none-match'];
  return header !== undefined && (header.trim() === '*' || tagsOf(header).includes(etagOf(article)));
}

/**
 * The version that the caller says it has seen: `version` in the body, or If-Match.
 * @throws AppError `invalid_request` (422) for an If-Match that is no ETag of an article
 */
export function expectedVersionOf(request: FastifyRequest, inBody: number | undefined): number | undefined {
  const header = request.headers['if-match'];
  if (inBody !== undefined || header === undefined || header.trim() === '*') return inBody;
  const version = /^"(\d{1,10})"$/.exec(tagsOf(header)[0] ?? '')?.[1];
  if (version === undefined) {
    throw invalid('The header If-Match is not an ETag that an article was given with.', [
      { path: '/headers/if-match', message: 'must be an ETag such as "3"' },
    ]);
  }
  return Number(version);
}
