// Names of the five characters that XML gives a meaning.
const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (character) => names[character] ?? character);

const namespace = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"';
const declaration = '<?xml version="1.0" encoding="UTF-8"?>';

type SitemapUrl = { readonly url: string; readonly updatedAt?: Date };

export function writeSitemap(urls: readonly SitemapUrl[]): string {
  const entries = urls.map(
    ({ url, updatedAt }) =>
      `<url><loc>${escapeXml(url)}</loc>${updatedAt === undefined ? '' : `<lastmod>${updatedAt.toISOString()}</lastmod>`}</url>`,
  );
  return `${declaration}\n<urlset ${namespace}>\n${entries.join('\n')}\n</urlset>\n`;
}

export function writeSitemapIndex(urls: readonly string[]): string {
  const entries = urls.map((url) => `<sitemap><loc>${escapeXml(url)}</loc></sitemap>`);
  return `${declaration}\n<sitemapindex ${namespace}>\n${entries.join('\n')}\n</sitemapindex>\n`;
}
