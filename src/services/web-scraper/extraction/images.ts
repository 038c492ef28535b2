import { collapseWhitespace } from '#shared/text';
import type { PageImage } from '../scraper-types.ts';
import { walk } from './document-walk.ts';
import type { DomElement } from './dom.ts';

const maxUrlLength = 2000;
const maxAltLength = 500;
const minSidePixels = 80;

function addressOf(image: DomElement): string | null {
  const lazy = ['data-src', 'data-original', 'data-lazy-src'].map((name) => image.getAttribute(name)).find((value) => value);
  const source = lazy ?? image.getAttribute('src');
  if (source !== null && source !== undefined && !source.startsWith('data:')) return source;
  return image.getAttribute('srcset')?.split(',').at(-1)?.trim().split(/\s+/)[0] ?? null;
}

/** Pixels for counting and icons of buttons are no images of the page. */
function isTiny(image: DomElement): boolean {
  return ['width', 'height'].some((name) => {
    const pixels = Number(image.getAttribute(name) ?? Number.NaN);
    return pixels < minSidePixels;
  });
}

/** The images inside the main content, with absolute addresses, each once. */
export function collectImages(
  root: DomElement,
  isLeftOut: (element: DomElement) => boolean,
  baseUrl: string,
  maxImages: number,
): PageImage[] {
  const images = new Map<string, PageImage>();
  walk(root, {
    enter(element) {
      if (isLeftOut(element)) return false;
      if (element.localName !== 'img' || images.size >= maxImages || isTiny(element)) return true;
      const address = addressOf(element);
      if (address === null || !URL.canParse(address, baseUrl)) return true;
      const url = new URL(address, baseUrl);
      if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.href.length > maxUrlLength) return true;
      const alt = collapseWhitespace(element.getAttribute('alt') ?? '').slice(0, maxAltLength);
      if (!images.has(url.href)) images.set(url.href, { url: url.href, alt });
      return true;
    },
    text: () => undefined,
    leave: () => undefined,
  });
  return [...images.values()];
}
