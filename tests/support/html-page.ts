import { HtmlValidate } from 'html-validate';
import { parseHTML } from 'linkedom';

const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: { 'no-inline-style': 'off', 'no-trailing-whitespace': 'off' },
});

/** What is wrong with the page's HTML, a line each; empty when it is valid. */
export async function findHtmlFaults(html: string): Promise<string[]> {
  const report = await validator.validateString(html);
  return report.results.flatMap(({ messages }) =>
    messages.map(({ line, column, ruleId, message }) => `${line}:${column} ${ruleId}: ${message}`),
  );
}

/** Every address on the page's own site that the page links to or loads, without fragments. */
export function listInternalLinks(html: string, pageUrl: string): string[] {
  const { document } = parseHTML(html);
  const { origin } = new URL(pageUrl);
  const links = new Set<string>();
  for (const element of document.querySelectorAll('[href], [src]')) {
    const given = element.getAttribute('href') ?? element.getAttribute('src') ?? '';
    const url = new URL(given, pageUrl);
    url.hash = '';
    if (url.origin === origin) links.add(url.href);
  }
  return [...links];
}
