import type { Failure } from '#platform/http-server';

type RenderPage = (page: { readonly title: string; readonly html: string; readonly status?: number }) => Promise<string>;

type Words = { readonly title: string; readonly text: string };

const words: Readonly<Record<number, Words>> = {
  404: { title: 'Page not found', text: 'Nothing is here, or it is no longer here.' },
  413: { title: 'Too much at once', text: 'What was sent is larger than this page takes.' },
  429: {
    title: 'A little too fast',
    text: 'There were very many requests from your network. Please wait a moment and try again.',
  },
  500: { title: 'Something went wrong', text: 'This is our fault, not yours. Please try again in a little while.' },
  503: { title: 'Back in a moment', text: 'We cannot reach our library right now. Please try again in a minute: nothing is lost.' },
};
const refused: Words = {
  title: 'That did not work',
  text: 'This page cannot be asked for in this way. Please go back, and try again from there.',
};
const failed: Words = words[500] ?? refused;

/** What readers see when a page cannot be shown. Asks no database: it may be what is missing. */
export function createErrorPage(renderPage: RenderPage): (failure: Failure) => Promise<string> {
  return ({ status, requestId }) => {
    const { title, text } = words[status] ?? (status >= 500 ? failed : refused);
    // The id is ours, or of word characters, dots, colons and dashes.
    const trace = status >= 500 ? `\n<p>If it stays like this, tell us this number: <code>${requestId}</code></p>` : '';
    return renderPage({ title, html: `<h1>${title}</h1>\n<p>${text}</p>${trace}\n<p><a href="/">To the front page</a></p>`, status });
  };
}
