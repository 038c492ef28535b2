import { compileMjml } from '../rendering/compile-mjml.ts';
import { escapeHtml, readTemplate, recipientHtmlEngine, recipientTextEngine } from '../rendering/template-engine.ts';
import type { MailSource } from './mail-types.ts';

export type MailToRender = MailSource & { readonly variables: Readonly<Record<string, unknown>> };

/**
 * For a thread of its own. Fills in the variables; every output is escaped for where it stands, and an unknown variable is a
 * fault. HTML may be written as MJML.
 * @throws AppError `template_faulty` with the part, the line in it and the reason
 */
export async function renderMail({ subject, html, text, variables }: MailToRender): Promise<MailSource> {
  const filledSubject = readTemplate(recipientTextEngine, 'subject', subject, variables);
  const filledHtml = readTemplate(recipientHtmlEngine, 'html', html, variables);
  const filledText = readTemplate(recipientTextEngine, 'text', text, variables);
  const isMjml = /^\s*(?:<!--[\s\S]*?-->\s*)*<mjml[\s>]/i.test(html);
  const page = isMjml ? await compileMjml('html', html, filledHtml) : filledHtml;
  return {
    subject: filledSubject.trim(),
    html: page.trim() === '' ? pageOf(filledText) : page,
    text: filledText.trim() === '' ? textOf(page) : filledText,
  };
}

function pageOf(text: string): string {
  return `<!doctype html><html><body><div style="white-space:pre-wrap;font-family:sans-serif">${escapeHtml(text)}</div></body></html>`;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** What a reader of plain text gets of a page: its words, and where its links lead. */
function textOf(html: string): string {
  return html
    .replace(/<(style|script|head|title)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<a\b[^>]*?\bhref\s*=\s*"(https?:[^"]*)"[^>]*>([\s\S]*?)<\/a\s*>/gi, '$2 ($1)')
    .replace(/\s+/g, ' ')
    .replace(/<(?:br|\/p|\/div|\/h[1-6]|\/li|\/tr|\/table)\b[^>]*>/gi, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:#(\d{1,7})|(\w+));/g, (whole, code?: string, name?: string) =>
      code === undefined ? (entities[name ?? ''] ?? whole) : String.fromCodePoint(Math.min(Number(code), 0x10ffff)),
    )
    .replace(/ *\n[ \n]*/g, '\n')
    .trim();
}
