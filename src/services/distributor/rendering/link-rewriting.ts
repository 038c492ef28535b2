import type { IssueLink } from '../distributor-types.ts';
import { hasMark } from './liquid-stretches.ts';
import { releaseBracesInUrl, templateFault } from './template-engine.ts';

/** Numbers the links of an issue; the same address has the same number in the HTML and in the text. */
export type LinkRegister = { readonly links: readonly IssueLink[]; numberOf(url: string): number };

export function createLinkRegister(contentIds: ReadonlyMap<string, string>): LinkRegister {
  const links: IssueLink[] = [];
  const numbers = new Map<string, number>();
  return {
    links,
    numberOf(url) {
      const known = numbers.get(url);
      if (known !== undefined) return known;
      links.push({ url, contentId: contentIds.get(url) ?? null });
      numbers.set(url, links.length - 1);
      return links.length - 1;
    },
  };
}

const openingTag = /<(?:a|area)(?=\s)(?:"[^"]*"|'[^']*'|[^>"'])*>/gi;
const hrefAttribute = /(\shref\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/i;
const urlInText = /https?:\/\/[^\s<>"'{}]+/gi;
const closingPunctuation = /[.,;:!?)\]]+$/;

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name?.toLowerCase() ?? ''] ?? whole;
  });
}

/** What a link is replaced by, for the second reading to fill in. */
const placeOf = (number: number) => `{{ links[${number}] }}`;

/** Links that differ by recipient, whole: their addresses are ours. */
const ownLink = /^\{\{-?\s*(?:unsubscribe_url|preferences_url|open_url|honeypot_url)\s*-?\}\}$/;

/**
 * Every web address of a link becomes a numbered place. What differs by recipient, and mailto, tel and #, stay as they are.
 * @param addressOf where a link leads that is one piece of Liquid with a value that is the same for all
 */
export function rewriteHtmlLinks(
  html: string,
  register: LinkRegister,
  file: string,
  stretches: { liquidOf(href: string): string | undefined; addressOf(liquid: string): string | undefined },
): string {
  return html.replace(openingTag, (tag) =>
    tag.replace(hrefAttribute, (whole, before: string, quoted: string) => {
      const written = decodeEntities(quoted.replace(/^["']|["']$/g, '')).trim();
      const liquid = stretches.liquidOf(written) ?? (written.startsWith('{{') ? written : undefined);
      const href = releaseBracesInUrl((liquid === undefined ? undefined : stretches.addressOf(liquid)) ?? written);
      if (liquid !== undefined && ownLink.test(liquid)) return whole;
      if (/^(mailto:|tel:|#)/i.test(href)) return whole;
      if (!/^https?:\/\/[^/]/i.test(href) || !(hasMark(href) || URL.canParse(href))) {
        throw templateFault(file, undefined, `a link leads to "${liquid ?? href}"; links lead to http:, https:, mailto:, tel: or #`);
      }
      // In part another for each recipient: it cannot be numbered.
      if (hasMark(href) || href.includes('{{')) return whole;
      return `${before}"${placeOf(register.numberOf(href))}"`;
    }),
  );
}

export function rewriteTextLinks(text: string, register: LinkRegister): string {
  return text.replace(urlInText, (found) => {
    const url = found.replace(closingPunctuation, '');
    // In part another for each recipient.
    if (hasMark(url)) return found;
    return `${placeOf(register.numberOf(releaseBracesInUrl(url)))}${found.slice(url.length)}`;
  });
}
