const trackingParameters = /^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|igshid|yclid|_hsenc|_hsmi|srsltid)$/i;
export const maxUrlLength = 2000;

/**
 * One spelling for each address, so that a page is fetched once: scheme and host in lower case, no default port, no
 * fragment, no credentials, no parameters that only follow readers around, percent-encoding in capitals. Undefined for what
 * is no http(s) address or too long.
 */
export function normaliseUrl(text: string, base?: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || !URL.canParse(trimmed, base)) return undefined;
  const url = new URL(trimmed, base);
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return undefined;
  url.hash = '';
  url.username = '';
  url.password = '';
  url.hostname = url.hostname.replace(/\.$/, '');
  const names = [...url.searchParams.keys()].filter((name) => trackingParameters.test(name));
  // Deleting a parameter rewrites the spelling of all the others, so it is done only where there is one to delete.
  for (const name of names) url.searchParams.delete(name);
  if (url.search === '') url.search = '';
  const normal = url.href.replace(/%[0-9a-f]{2}/gi, (code) => code.toUpperCase()).replace(/\?$/, '');
  return normal.length > maxUrlLength ? undefined : normal;
}

/** Scheme, host and port. */
export function originOf(url: string): string {
  return new URL(url).origin;
}

/** Host and port; empty for a file. */
export function hostOf(url: string): string {
  return new URL(url).host;
}
