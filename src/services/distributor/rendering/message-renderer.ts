import type { IssueContent } from '../distributor-types.ts';
import { recipientHtmlEngine, recipientTextEngine } from './template-engine.ts';

export type RecipientValues = {
  readonly name: string | null;
  readonly unsubscribeUrl: string;
  readonly openUrl: string;
  /** By the numbers of the issue's links. */
  readonly links: readonly string[];
};

export type RenderedMessage = { readonly html: string; readonly text: string };
export type MessageRenderer = (values: RecipientValues) => RenderedMessage;

/** The second reading, parsed once for all recipients. */
export function createMessageRenderer(content: IssueContent): MessageRenderer {
  const html = recipientHtmlEngine.parse(content.html);
  const text = recipientTextEngine.parse(content.text);
  return ({ name, unsubscribeUrl, openUrl, links }) => {
    const values = { name, unsubscribe_url: unsubscribeUrl, open_url: openUrl, links };
    return { html: recipientHtmlEngine.renderSync(html, values), text: recipientTextEngine.renderSync(text, values) };
  };
}

/** A name as it may stand in a greeting and in a header: one line, no control characters, of a bearable length. */
export function cleanName(name: string | null): string | null {
  const cleaned = (name ?? '')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 100);
  return cleaned === '' ? null : cleaned;
}
