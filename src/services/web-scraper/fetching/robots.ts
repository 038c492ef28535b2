import robotsParserModule from 'robots-parser';

type Robots = {
  isAllowed(url: string, userAgent: string): boolean | undefined;
  getCrawlDelay(userAgent: string): number | undefined;
};
// A CommonJS function, which its types take for a module with a default export.
const robotsParser = robotsParserModule as unknown as (url: string, text: string) => Robots;

/** RFC 9309 asks for at least so much; what lies beyond is not read. */
export const maxRobotsBytes = 500 * 1024;
export const defaultCrawlDelayMs = 1000;
const maxCrawlDelayMs = 60_000;

export type RobotsRules = {
  isAllowed(url: string): boolean;
  readonly crawlDelayMs: number;
};

/** The product token, by which robots.txt groups are matched: the first word of the user agent, without its version. */
export function productTokenOf(userAgent: string): string {
  return /^[^\s/]+/.exec(userAgent)?.[0] ?? '*';
}

/** Text as it can be stored and parsed: decoded, cut, without marks of order and characters that no database keeps. */
export function decodeRobots(body: Uint8Array): string {
  return Buffer.from(body.subarray(0, maxRobotsBytes))
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .replaceAll('\u0000', '');
}

/** Rules of a robots.txt (RFC 9309) for one crawler, with the Crawl-delay that most sites still write (seconds, at most 60). */
export function readRobots(origin: string, text: string, productToken: string): RobotsRules {
  const robots = robotsParser(`${origin}/robots.txt`, text);
  const delaySeconds = robots.getCrawlDelay(productToken);
  const isGiven = delaySeconds !== undefined && Number.isFinite(delaySeconds) && delaySeconds >= 0;
  return {
    isAllowed: (url) => new URL(url).pathname === '/robots.txt' || robots.isAllowed(url, productToken) !== false,
    crawlDelayMs: isGiven ? Math.min(maxCrawlDelayMs, Math.round(delaySeconds * 1000)) : defaultCrawlDelayMs,
  };
}
