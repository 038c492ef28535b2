const maxAddressLength = 5000;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  return text
    .replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, '$1')
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (match, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return entities[name] ?? match;
      const code = decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : match;
    })
    .trim();
}

/**
 * The addresses of a sitemap or sitemap index, in order. Only the sitemap's own <loc>: those of its extensions (images,
 * videos) have a prefix. Broken XML gives what can be read of it.
 */
export function readSitemap(text: string): { readonly urls: string[]; readonly isIndex: boolean } {
  const body = text.replace(/<!--[\s\S]*?(?:-->|$)/g, '');
  const root = /<(?:(\w+):)?(urlset|sitemapindex)\b/i.exec(body);
  if (root === null) return { urls: body.split(/\s+/).filter((line) => /^https?:\/\//.test(line)), isIndex: false };
  const tag = root[1] === undefined ? 'loc' : `${root[1]}:loc`;
  const urls: string[] = [];
  const opening = new RegExp(`<${tag}(?:\\s[^>]*)?>`, 'gi');
  const closing = new RegExp(`</${tag}\\s*>`, 'gi');
  for (let open = opening.exec(body); open !== null; open = opening.exec(body)) {
    closing.lastIndex = opening.lastIndex;
    const close = closing.exec(body);
    if (close === null) break;
    const url = decode(body.slice(opening.lastIndex, Math.min(close.index, opening.lastIndex + maxAddressLength)));
    if (url !== '') urls.push(url);
    opening.lastIndex = closing.lastIndex;
  }
  return { urls, isIndex: root[2]?.toLowerCase() === 'sitemapindex' };
}
