// Cubot makes telephones.
const automated =
  /(?<!\bcu)bot\b|crawl|spider|slurp|preview|fetch(er)?\b|monitor|scan|lighthouse|externalhit|whatsapp|curl\/|wget\/|python-requests|go-http-client|headlesschrome|axios|okhttp|^node\b|^undici/i;

/** Crawlers, link previews and monitors: their requests are no reader's. An absent user agent is taken for one of them. */
export function isAutomatedUserAgent(userAgent: string | undefined): boolean {
  return userAgent === undefined || userAgent === '' || automated.test(userAgent);
}
