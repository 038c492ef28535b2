import { generateAtomFeed, generateJsonFeed, generateRssFeed } from 'feedsmith';
import { escapeMarkup } from '#shared/markup';
import { type Run, type SectionView, type SourceView, viewText } from './article-view.ts';
import { mapInParts } from './in-parts.ts';
import { writerLabelOf } from './labels.ts';
import { absolute, paths } from './links.ts';
import type { PublishedText, SiteConfig } from './site-types.ts';

// The spelling that the feeds have had from the start: to a reader that compares texts, another one is a change of every article.
const escapeText = (text: string): string => escapeMarkup(text).replaceAll('&quot;', '&#34;');

const writeRun = ({ text, marks }: Run): string => `${escapeText(text)}${marks.map(({ source }) => `<sup>[${source}]</sup>`).join('')}`;

const writeSection = ({ heading, paragraphs }: SectionView): string =>
  `${heading === '' ? '' : `<h2>${escapeText(heading)}</h2>\n`}${paragraphs.map((runs) => `<p>${runs.map(writeRun).join(' ')}</p>\n`).join('')}`;

function writeSource({ url, title, author, site }: SourceView): string {
  const name = url === null ? escapeText(title) : `<a href="${escapeText(url)}" rel="nofollow noopener">${escapeText(title)}</a>`;
  return `<li>${name}${author === null ? '' : `, ${escapeText(author)}`}${site === null ? '' : ` (${escapeText(site)})`}</li>`;
}

/**
 * The text with its sources, for a feed reader: without our styles, so without anything that needs them. Not by a template: for 30
 * texts that took the processor for tens of milliseconds, this takes it for a few.
 */
function writeContent({ writer, sections, citations }: PublishedText): string {
  const view = viewText(sections, citations);
  const sources = view.sources.length === 0 ? '' : `<h2>Sources</h2>\n<ol>${view.sources.map(writeSource).join('')}</ol>`;
  return `<p><em>${escapeText(writerLabelOf(writer).label)}.</em></p>\n${view.sections.map(writeSection).join('')}${sources}`;
}

// XML 1.0 knows no control characters but tab and line ends, not even escaped.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these very characters are what is taken out.
const clean = (text: string): string => text.toWellFormed().replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '');

function itemOf(site: SiteConfig, article: PublishedText) {
  return {
    // Of the article, not of its address: an article that moves is not new.
    id: `urn:uuid:${article.id}`,
    url: absolute(site, paths.article(article.slug)),
    title: clean(article.title),
    summary: clean(article.summary),
    content: clean(writeContent(article)),
    image: absolute(site, paths.preview(article.slug)),
    language: article.language,
    author: site.title,
    tags: [...(article.categoryName === null ? [] : [article.categoryName]), ...article.tags.map(({ name }) => name)].map(clean),
    publishedAt: article.publishedAt,
    updatedAt: article.updatedAt,
  };
}

type Item = ReturnType<typeof itemOf>;

// Long texts take most of a feed's time.
const listItems = (site: SiteConfig, articles: readonly PublishedText[]): Promise<Item[]> =>
  mapInParts(articles, 10, (article) => itemOf(site, article));

export type Feed = {
  readonly path: string;
  readonly type: string;
  readonly write: (site: SiteConfig, articles: readonly PublishedText[]) => Promise<string>;
};

const newest = (items: readonly Item[]): Date => new Date(Math.max(0, ...items.map(({ updatedAt }) => updatedAt.getTime())));

async function writeRss(site: SiteConfig, articles: readonly PublishedText[]): Promise<string> {
  const items = await listItems(site, articles);
  return generateRssFeed({
    title: clean(site.title),
    link: absolute(site, '/'),
    description: clean(site.tagline),
    language: site.language,
    lastBuildDate: newest(items),
    ttl: 60,
    atom: { links: [{ href: absolute(site, '/feed.xml'), rel: 'self', type: 'application/rss+xml' }] },
    items: items.map((item) => ({
      title: item.title,
      link: item.url,
      description: item.summary,
      guid: { value: item.id, isPermaLink: false },
      pubDate: item.publishedAt,
      categories: item.tags.map((name) => ({ name })),
      dc: { creators: [item.author], languages: [item.language] },
      content: { encoded: item.content },
    })),
  });
}

async function writeAtom(site: SiteConfig, articles: readonly PublishedText[]): Promise<string> {
  const items = await listItems(site, articles);
  return generateAtomFeed({
    id: absolute(site, '/'),
    title: { value: clean(site.title) },
    subtitle: { value: clean(site.tagline) },
    updated: newest(items),
    authors: [{ name: clean(site.title), uri: absolute(site, '/') }],
    links: [
      { href: absolute(site, '/atom.xml'), rel: 'self', type: 'application/atom+xml' },
      { href: absolute(site, '/'), rel: 'alternate', type: 'text/html' },
    ],
    entries: items.map((item) => ({
      id: item.id,
      title: { value: item.title },
      links: [{ href: item.url, rel: 'alternate', type: 'text/html', hreflang: item.language }],
      published: item.publishedAt,
      updated: item.updatedAt,
      summary: { value: item.summary },
      content: { value: item.content, type: 'html' },
      categories: item.tags.map((term) => ({ term })),
    })),
  });
}

async function writeJson(site: SiteConfig, articles: readonly PublishedText[]): Promise<string> {
  const items = await listItems(site, articles);
  const feed = generateJsonFeed({
    title: site.title,
    home_page_url: absolute(site, '/'),
    feed_url: absolute(site, '/feed.json'),
    description: site.tagline,
    language: site.language,
    authors: [{ name: site.title, url: absolute(site, '/') }],
    items: items.map((item) => ({
      id: item.id,
      url: item.url,
      title: item.title,
      summary: item.summary,
      content_html: item.content,
      image: item.image,
      language: item.language,
      tags: item.tags,
      date_published: item.publishedAt,
      date_modified: item.updatedAt,
    })),
  });
  return JSON.stringify(feed);
}

export const feeds: readonly Feed[] = [
  { path: '/feed.xml', type: 'application/rss+xml; charset=utf-8', write: writeRss },
  { path: '/atom.xml', type: 'application/atom+xml; charset=utf-8', write: writeAtom },
  { path: '/feed.json', type: 'application/feed+json; charset=utf-8', write: writeJson },
];
