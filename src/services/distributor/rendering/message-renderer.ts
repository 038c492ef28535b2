import type { VariantContent } from '../distributor-types.ts';
import { compileRecipientTemplate, joinParts, type RecipientValues } from './recipient-template.ts';

export type RenderedMessage = { readonly subject: string; readonly html: string; readonly text: string };
export type MessageRenderer = (values: RecipientValues) => RenderedMessage;

/** A version as one recipient gets it, read once for all. */
export function createMessageRenderer(version: VariantContent): MessageRenderer {
  const template = compileRecipientTemplate(version);
  return (values) => {
    const filled = template.fill(values);
    return {
      subject: joinParts(template.subject, filled),
      html: joinParts(template.html, filled),
      text: joinParts(template.text, filled),
    };
  };
}
