import type { SiteConfig } from './site-types.ts';

/** Paths of the site; `absolute` puts its address before them. */
export const paths = {
  article: (slug: string) => `/articles/${encodeURIComponent(slug)}`,
  category: (slug: string) => `/categories/${encodeURIComponent(slug)}`,
  tag: (slug: string) => `/tags/${encodeURIComponent(slug)}`,
  artwork: (format: 'card' | 'wide', category: string | null, slug: string) =>
    `/artwork/${format}/${encodeURIComponent(category ?? 'general')}/${encodeURIComponent(slug)}.svg`,
  preview: (slug: string) => `/og/${encodeURIComponent(slug)}.png`,
  search: (query: string) => `/search?${new URLSearchParams({ q: query })}`,
} as const;

export const absolute = (site: Pick<SiteConfig, 'baseUrl'>, path: string): string => `${site.baseUrl}${path}`;

/** The address when it leads to a web page, else null: `javascript:`, `data:` and `file:` are never linked. */
export function webUrlOf(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url !== undefined && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null;
}

/** The site's name as a reader knows it: `example.org` of `https://www.example.org/a`. */
export function hostOf(address: string): string | null {
  const url = webUrlOf(address);
  return url === null ? null : new URL(url).hostname.replace(/^www\./, '');
}
