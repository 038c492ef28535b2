export { decodeText } from './charset.ts';
export { type ExtractedPage, extractPage } from './extract-page.ts';
