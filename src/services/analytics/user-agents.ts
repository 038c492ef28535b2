const automated =
  /bot\b|bot\/|crawl|spider|slurp|preview|fetcher|monitor|headlesschrome-lighthouse|curl\/|wget\/|python-requests|go-http-client|scan/i;

/** Crawlers, link previews and monitors: their requests are no reader's. An absent user agent is taken for one of them. */
export function isAutomatedUserAgent(userAgent: string | undefined): boolean {
  return userAgent === undefined || userAgent === '' || automated.test(userAgent);
}
