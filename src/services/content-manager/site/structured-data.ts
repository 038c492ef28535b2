import { absolute, paths, webUrlOf } from './links.ts';
import type { PublishedText, SiteConfig } from './site-types.ts';

/** JSON for a script element: with every `<` written as an escape, the text cannot end the element. */
const toScriptText = (data: unknown): string => JSON.stringify(data).replaceAll('<', '\\u003c');

const publisherOf = (site: SiteConfig) => ({ '@type': 'Organization', name: site.title, url: absolute(site, '/') });

export function describeSite(site: SiteConfig): string {
  return toScriptText({
    '@context': 'https://schema.org',
    '@type': 'WebSite',
    name: site.title,
    description: site.tagline,
    url: absolute(site, '/'),
    inLanguage: site.language,
    publisher: publisherOf(site),
    potentialAction: {
      '@type': 'SearchAction',
      target: { '@type': 'EntryPoint', urlTemplate: `${absolute(site, '/search')}?q={search_term_string}` },
      'query-input': 'required name=search_term_string',
    },
  });
}

export function describeTrail(site: SiteConfig, trail: readonly { readonly name: string; readonly path: string }[]): string {
  return toScriptText({
    '@context': 'https://schema.org',
    '@type': 'BreadcrumbList',
    itemListElement: [{ name: site.title, path: '/' }, ...trail].map(({ name, path }, index) => ({
      '@type': 'ListItem',
      position: index + 1,
      name,
      item: absolute(site, path),
    })),
  });
}

/** Whoever published it is its author here: an article made of sources has no person who wrote it. */
export function describeArticle(site: SiteConfig, article: PublishedText): string {
  const sources = new Map(article.citations.map((citation) => [citation.sourceUrl, citation]));
  const url = absolute(site, paths.article(article.slug));
  return toScriptText({
    '@context': 'https://schema.org',
    '@type': 'Article',
    '@id': url,
    url,
    mainEntityOfPage: url,
    headline: article.title,
    description: article.metaDescription || article.summary,
    image: absolute(site, paths.preview(article.slug)),
    inLanguage: article.language,
    datePublished: article.publishedAt.toISOString(),
    dateModified: article.updatedAt.toISOString(),
    author: publisherOf(site),
    publisher: publisherOf(site),
    isAccessibleForFree: true,
    ...(article.categoryName !== null && { articleSection: article.categoryName }),
    keywords: article.tags.map(({ name }) => name),
    citation: [...sources.values()].map(({ sourceUrl, sourceTitle, sourceAuthor }) => {
      const link = webUrlOf(sourceUrl);
      return {
        '@type': 'WebPage',
        name: sourceTitle,
        ...(link !== null && { url: link }),
        ...(sourceAuthor !== null && { author: { '@type': 'Person', name: sourceAuthor } }),
      };
    }),
  });
}
