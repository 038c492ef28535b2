import { collapseWhitespace } from '#shared/text';
import { readByline } from './byline.ts';
import { readMachineDate } from './date-reading.ts';
import type { DomDocument, DomElement } from './dom.ts';
import { readStructuredData, type StructuredData } from './json-ld.ts';
import type { PageNature } from './page-nature.ts';

export type PageMetadata = {
  readonly title: string;
  readonly author: string | undefined;
  readonly publishedAt: Date | undefined;
  readonly siteName: string | undefined;
  readonly canonicalUrl: string;
  /** As the page declares it. */
  readonly declaredLanguage: string | undefined;
  readonly description: string | undefined;
  readonly structured: StructuredData;
};

const maxTitleLength = 300;
const maxNameLength = 200;
const futureLimitMs = 48 * 3600 * 1000;

const separator = /\s+(?:\||::?|»|·|•|—|–|-|--|\/\/|~)\s+/;

type MetaTags = ReadonlyMap<string, string>;

function readMetaTags(document: DomDocument): MetaTags {
  const tags = new Map<string, string>();
  for (const element of document.querySelectorAll('meta')) {
    const name = element.getAttribute('property') ?? element.getAttribute('name') ?? element.getAttribute('itemprop');
    const content = collapseWhitespace(element.getAttribute('content') ?? '');
    if (name !== null && content !== '' && !tags.has(name.toLowerCase())) tags.set(name.toLowerCase(), content);
  }
  return tags;
}

const first = (tags: MetaTags, names: readonly string[]): string | undefined =>
  names.map((name) => tags.get(name)).find((value) => value !== undefined);

const textOf = (element: DomElement | null): string => collapseWhitespace(element?.textContent ?? '');
const sameText = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The title without the name of the site at its end; a first part that is shorter than what follows is itself the name. */
export function withoutSiteName(title: string, siteName: string | undefined): string {
  const parts = title.split(separator);
  const last = parts.at(-1) ?? '';
  if (parts.length < 2 || last === '') return title;
  const rest = title
    .slice(0, title.length - last.length)
    .replace(/\s+\S{1,2}\s+$/, '')
    .trim();
  if (rest === '' || (siteName !== undefined && sameText(rest, siteName))) return last;
  if (siteName !== undefined && (sameText(last, siteName) || last.toLowerCase().includes(siteName.toLowerCase()))) return rest;
  if (siteName?.toLowerCase().includes(last.toLowerCase()) === true) return rest;
  const isSuffix = (last.length < rest.length || title.endsWith(`| ${last}`)) && last.split(' ').length <= 6 && rest.split(' ').length >= 2;
  return isSuffix ? rest : title;
}

function readTitle(document: DomDocument, tags: MetaTags, structured: StructuredData, siteName: string | undefined): string {
  const documentTitle = textOf(document.querySelector('title'));
  const declared = first(tags, ['og:title', 'twitter:title', 'dc.title']) ?? structured.headline;
  if (declared !== undefined) return withoutSiteName(collapseWhitespace(declared), siteName);
  const headings = [...document.querySelectorAll('h1')].map(textOf).filter((text) => text !== '' && text.length <= maxTitleLength);
  const [heading] = headings;
  const stripped = withoutSiteName(documentTitle, siteName);
  // A site that makes its own name the first heading of every page says the page's title only in <title>.
  const isSiteHeading =
    heading !== undefined && !sameText(heading, stripped) && documentTitle.length > heading.length && documentTitle.endsWith(heading);
  if (heading !== undefined && headings.length === 1 && !isSiteHeading) return heading;
  return stripped !== '' ? stripped : (heading ?? '');
}

function resolveUrl(href: string | null | undefined, baseUrl: string): URL | undefined {
  if (href === null || href === undefined || href.trim() === '' || !URL.canParse(href.trim(), baseUrl)) return undefined;
  const url = new URL(href.trim(), baseUrl);
  url.hash = '';
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

/** The address that the page gives as its own. A home page named by a page below it is a mistake of the site's, not its address. */
function readCanonicalUrl(document: DomDocument, tags: MetaTags, url: string): string {
  const own = new URL(url);
  const candidates = [document.querySelector('link[rel~=canonical]')?.getAttribute('href'), tags.get('og:url')];
  for (const candidate of candidates) {
    const canonical = resolveUrl(candidate, url);
    if (canonical === undefined) continue;
    if (canonical.pathname === '/' && canonical.search === '' && own.pathname !== '/') continue;
    return canonical.href;
  }
  return URL.canParse(url) ? own.href : url;
}

function readDeclaredLanguage(document: DomDocument, tags: MetaTags): string | undefined {
  const declared =
    document.documentElement.getAttribute('lang') ??
    document.documentElement.getAttribute('xml:lang') ??
    first(tags, ['content-language', 'og:locale', 'language', 'dc.language']);
  return /^([a-z]{2,3})(?:[-_]|$)/i.exec(declared?.trim() ?? '')?.[1]?.toLowerCase();
}

function cleanAuthor(text: string | undefined): string | undefined {
  const name = collapseWhitespace(text ?? '').replace(/^by\s+/i, '');
  return name === '' || /^https?:|^@|^\w+\.\w+\/|^(?:admin|administrator|unknown|n\/a|null|undefined)$/i.test(name)
    ? undefined
    : name.slice(0, maxNameLength);
}

const publishedNames = [
  'article:published_time',
  'article:published',
  'og:published_time',
  'datepublished',
  'dc.date.issued',
  'dcterms.issued',
  'dc.date',
  'dcterms.created',
  'date',
  'pubdate',
  'publishdate',
  'publish-date',
  'parsely-pub-date',
  'sailthru.date',
  'citation_publication_date',
];

export function readMetadata(document: DomDocument, url: string, nature: PageNature, now: Date): PageMetadata {
  const tags = readMetaTags(document);
  const structured = readStructuredData(document);
  const siteName = first(tags, ['og:site_name', 'application-name']) ?? structured.siteName;
  const byline = readByline(document.body, nature);
  const published = [
    readMachineDate(structured.datePublished),
    readMachineDate(first(tags, publishedNames)),
    readMachineDate(document.querySelector('time[itemprop=datePublished], time[pubdate]')?.getAttribute('datetime')),
    byline.publishedAt,
  ];
  const isProduct = nature === 'product';
  return {
    title: readTitle(document, tags, structured, siteName).slice(0, maxTitleLength),
    author:
      cleanAuthor(structured.author) ??
      cleanAuthor(first(tags, ['author', 'article:author', 'dc.creator', 'parsely-author', 'twitter:creator'])) ??
      (isProduct ? undefined : cleanAuthor(byline.author)),
    publishedAt: isProduct ? undefined : published.find((date) => date !== undefined && date.getTime() < now.getTime() + futureLimitMs),
    siteName: siteName?.slice(0, maxNameLength),
    canonicalUrl: readCanonicalUrl(document, tags, url),
    declaredLanguage: readDeclaredLanguage(document, tags),
    description: first(tags, ['og:description', 'description', 'twitter:description']),
    structured,
  };
}
