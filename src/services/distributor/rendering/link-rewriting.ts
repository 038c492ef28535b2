import type { IssueLink } from '../distributor-types.ts';
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

/** Every web address of a link becomes a numbered place. What differs by recipient, and mailto, tel and #, stay as they are. */
export function rewriteHtmlLinks(html: string, register: LinkRegister, file: string): string {
  return html.replace(openingTag, (tag) =>
    tag.replace(hrefAttribute, (whole, before: string, quoted: string) => {
      if (quoted.includes('{{')) return whole;
      const href = releaseBracesInUrl(decodeEntities(quoted.replace(/^["']|["']$/g, '')).trim());
      if (/^(mailto:|tel:|#)/i.test(href)) return whole;
      if (!/^https?:\/\//i.test(href) || !URL.canParse(href)) {
        throw templateFault(file, undefined, `a link leads to "${href}"; links lead to http:, https:, mailto:, tel: or #`);
      }
      return `${before}"${placeOf(register.numberOf(href))}"`;
    }),
  );
}

export function rewriteTextLinks(text: string, register: LinkRegister): string {
  return text.replace(urlInText, (found) => {
    const url = found.replace(closingPunctuation, '');
    return `${placeOf(register.numberOf(releaseBracesInUrl(url)))}${found.slice(url.length)}`;
  });
}
