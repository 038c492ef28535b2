import { generateAtomFeed, generateJsonFeed, generateRssFeed } from 'feedsmith';
import { Liquid } from 'liquidjs';
import { viewText } from './article-view.ts';
import { writerLabelOf } from './labels.ts';
import { absolute, paths } from './links.ts';
import type { PublishedText, SiteConfig } from './site-types.ts';

const liquid = new Liquid({ strictVariables: true, strictFilters: true, outputEscape: 'escape' });

// The text with its sources, for a feed reader: without our styles, so without anything that needs them.
const contentTemplate = liquid.parse(
  `<p><em>{{ label }}.</em></p>
{% for section in sections %}{% if section.heading != '' %}<h2>{{ section.heading }}</h2>
{% endif %}{% for paragraph in section.paragraphs %}<p>{% for run in paragraph %}{% unless forloop.first %} {% endunless %}{{ run.text }}{% for mark in run.marks %}<sup>[{{ mark.source }}]</sup>{% endfor %}{% endfor %}</p>
{% endfor %}{% endfor %}{% if sources.size > 0 %}<h2>Sources</h2>
<ol>{% for source in sources %}<li>{% if source.url %}<a href="{{ source.url }}" rel="nofollow noopener">{{ source.title }}</a>{% else %}{{ source.title }}{% endif %}{% if source.author %}, {{ source.author }}{% endif %}{% if source.site %} ({{ source.site }}){% endif %}</li>{% endfor %}</ol>{% endif %}`,
);

// XML 1.0 knows no control characters but tab and line ends, not even escaped.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these very characters are what is taken out.
const clean = (text: string): string => text.toWellFormed().replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '');

function itemOf(site: SiteConfig, article: PublishedText) {
  const { label } = writerLabelOf(article.writer);
  const content = liquid.renderSync(contentTemplate, { label, ...viewText(article.sections, article.citations) }) as string;
  return {
    // Of the article, not of its address: an article that moves is not new.
    id: `urn:uuid:${article.id}`,
    url: absolute(site, paths.article(article.slug)),
    title: clean(article.title),
    summary: clean(article.summary),
    content: clean(content),
    image: absolute(site, paths.preview(article.slug)),
    language: article.language,
    author: site.title,
    tags: [...(article.categoryName === null ? [] : [article.categoryName]), ...article.tags.map(({ name }) => name)].map(clean),
    publishedAt: article.publishedAt,
    updatedAt: article.updatedAt,
  };
}

type Item = ReturnType<typeof itemOf>;

export type Feed = {
  readonly path: string;
  readonly type: string;
  readonly write: (site: SiteConfig, articles: readonly PublishedText[]) => string;
};

const newest = (items: readonly Item[]): Date => new Date(Math.max(0, ...items.map(({ updatedAt }) => updatedAt.getTime())));

function writeRss(site: SiteConfig, articles: readonly PublishedText[]): string {
  const items = articles.map((article) => itemOf(site, article));
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

function writeAtom(site: SiteConfig, articles: readonly PublishedText[]): string {
  const items = articles.map((article) => itemOf(site, article));
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

function writeJson(site: SiteConfig, articles: readonly PublishedText[]): string {
  const feed = generateJsonFeed({
    title: site.title,
    home_page_url: absolute(site, '/'),
    feed_url: absolute(site, '/feed.json'),
    description: site.tagline,
    language: site.language,
    authors: [{ name: site.title, url: absolute(site, '/') }],
    items: articles
      .map((article) => itemOf(site, article))
      .map((item) => ({
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
