import { escapeMarkup } from '#shared/markup';
import { mapInParts } from './in-parts.ts';

const namespace = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"';
const declaration = '<?xml version="1.0" encoding="UTF-8"?>';
// About a millisecond.
const partSize = 1000;

type SitemapUrl = { readonly url: string; readonly updatedAt?: Date };

const writeUrl = ({ url, updatedAt }: SitemapUrl): string =>
  `<url><loc>${escapeMarkup(url)}</loc>${updatedAt === undefined ? '' : `<lastmod>${updatedAt.toISOString()}</lastmod>`}</url>`;

const writePart = (url: string): string => `<sitemap><loc>${escapeMarkup(url)}</loc></sitemap>`;

export async function writeSitemap(urls: readonly SitemapUrl[]): Promise<string> {
  const entries = await mapInParts(urls, partSize, writeUrl);
  return `${declaration}\n<urlset ${namespace}>\n${entries.join('\n')}\n</urlset>\n`;
}

export async function writeSitemapIndex(urls: readonly string[]): Promise<string> {
  const entries = await mapInParts(urls, partSize, writePart);
  return `${declaration}\n<sitemapindex ${namespace}>\n${entries.join('\n')}\n</sitemapindex>\n`;
}
