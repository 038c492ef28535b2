import { escapeMarkup } from '#shared/markup';

const namespace = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"';
const declaration = '<?xml version="1.0" encoding="UTF-8"?>';

type SitemapUrl = { readonly url: string; readonly updatedAt?: Date };

export function writeSitemap(urls: readonly SitemapUrl[]): string {
  const entries = urls.map(
    ({ url, updatedAt }) =>
      `<url><loc>${escapeMarkup(url)}</loc>${updatedAt === undefined ? '' : `<lastmod>${updatedAt.toISOString()}</lastmod>`}</url>`,
  );
  return `${declaration}\n<urlset ${namespace}>\n${entries.join('\n')}\n</urlset>\n`;
}

export function writeSitemapIndex(urls: readonly string[]): string {
  const entries = urls.map((url) => `<sitemap><loc>${escapeMarkup(url)}</loc></sitemap>`);
  return `${declaration}\n<sitemapindex ${namespace}>\n${entries.join('\n')}\n</sitemapindex>\n`;
}
