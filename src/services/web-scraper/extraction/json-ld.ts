import type { DomDocument } from './dom.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a page says of itself as structured data. */
export type StructuredData = {
  readonly headline: string | undefined;
  readonly author: string | undefined;
  readonly datePublished: string | undefined;
  readonly siteName: string | undefined;
  readonly articleBody: string | undefined;
};

const articleTypes =
  /^(?:Article|NewsArticle|BlogPosting|TechArticle|Report|ScholarlyArticle|OpinionNewsArticle|ReportageNewsArticle|AnalysisNewsArticle|LiveBlogPosting|DiscussionForumPosting|SocialMediaPosting|Recipe|HowTo|Product|Review|QAPage|Question)$/;
const maxNodes = 2000;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined);

function parseScript(text: string): unknown {
  const cleaned = text
    .replace(/^\s*(?:<!--|\/\*\s*<!\[CDATA\[\s*\*\/|\/\/\s*<!\[CDATA\[|<!\[CDATA\[)/, '')
    .replace(/(?:-->|\/\*\s*\]\]>\s*\*\/|\/\/\s*\]\]>|\]\]>)\s*;?\s*$/, '')
    // Line breaks inside strings are the commonest fault; outside of strings a blank does as well.
    .replace(/\p{Cc}+/gu, ' ');
  try {
    return JSON.parse(cleaned);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function collectNodes(value: unknown, nodes: Json[]): void {
  const queue: unknown[] = [value];
  while (queue.length > 0 && nodes.length < maxNodes) {
    const next = queue.shift();
    if (Array.isArray(next)) queue.push(...next);
    else if (isObject(next)) {
      nodes.push(next);
      queue.push(next['@graph'], next.mainEntity, isObject(next.mainEntityOfPage) ? next.mainEntityOfPage : undefined);
    }
  }
}

const typesOf = (node: Json): readonly string[] => listOf(node['@type']).filter((type): type is string => typeof type === 'string');

function nameOf(value: unknown, byId: ReadonlyMap<string, Json>): string | undefined {
  const names = listOf(value).flatMap((entry) => {
    if (typeof entry === 'string') return /^https?:\/\//.test(entry) ? (textOf(byId.get(entry)?.name) ?? []) : entry.trim();
    if (!isObject(entry)) return [];
    const id = textOf(entry['@id']);
    return textOf(entry.name) ?? (id === undefined ? undefined : textOf(byId.get(id)?.name)) ?? [];
  });
  return names.length === 0 ? undefined : [...new Set(names)].slice(0, 5).join(', ');
}

export function readStructuredData(document: DomDocument): StructuredData {
  const nodes: Json[] = [];
  for (const script of document.querySelectorAll('script[type="application/ld+json"]'))
    collectNodes(parseScript(script.textContent ?? ''), nodes);
  const byId = new Map(nodes.flatMap((node) => (typeof node['@id'] === 'string' && node.name !== undefined ? [[node['@id'], node]] : [])));
  const main = nodes.find((node) => typesOf(node).some((type) => articleTypes.test(type)));
  const site = nodes.find((node) => typesOf(node).includes('WebSite'));
  const isProduct = main !== undefined && typesOf(main).includes('Product');
  return {
    headline: textOf(main?.headline) ?? textOf(main?.name),
    author: isProduct ? undefined : nameOf(main?.author, byId),
    datePublished: isProduct ? undefined : (textOf(main?.datePublished) ?? textOf(main?.dateCreated)),
    siteName: (isProduct ? undefined : nameOf(main?.publisher, byId)) ?? textOf(site?.name),
    articleBody:
      textOf(main?.articleBody) ?? (main !== undefined && typesOf(main).includes('DiscussionForumPosting') ? textOf(main.text) : undefined),
  };
}
