import { parseFeed } from 'feedsmith';
import { AppError, messageOf } from '#shared/errors';

const isAddress = (text: string | undefined): text is string => text !== undefined && /^https?:\/\//i.test(text.trim());

/** The addresses of the articles that a feed (RSS, Atom, RDF or JSON Feed) announces, newest first as the feed has them. */
export function readFeed(text: string): string[] {
  const { format, feed } = parseOrThrow(text);
  const links: (string | undefined)[] = [];
  switch (format) {
    case 'rss':
      for (const { link, guid } of feed.items ?? []) {
        links.push(link ?? (guid?.isPermaLink !== false && isAddress(guid?.value) ? guid?.value : undefined));
      }
      break;
    case 'atom':
      for (const { links: ofEntry = [], id } of feed.entries ?? []) {
        const alternate = ofEntry.find(({ rel }) => rel === undefined || rel === 'alternate');
        links.push(alternate?.href ?? (isAddress(id) ? id : undefined));
      }
      break;
    case 'rdf':
      for (const { link } of feed.items ?? []) links.push(link);
      break;
    case 'json':
      for (const { url, external_url: external, id } of feed.items ?? []) links.push(url ?? external ?? (isAddress(id) ? id : undefined));
      break;
  }
  return links.filter((link) => link !== undefined && link.trim() !== '') as string[];
}

function parseOrThrow(text: string): ReturnType<typeof parseFeed> {
  try {
    return parseFeed(text);
  } catch (error) {
    throw new AppError('document_invalid', `The feed cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
