import { decodeText } from './charset.ts';
import { type ExtractedPage, extractPage } from './extract-page.ts';

export type ExtractInput = {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly url: string;
  readonly now: Date;
};

/** Runs in a thread of its own, under a limit of CPU time. */
export function run({ body, contentType, url, now }: ExtractInput): ExtractedPage {
  return extractPage({ html: decodeText(body, contentType), url, now });
}
