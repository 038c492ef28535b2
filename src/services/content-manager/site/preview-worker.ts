import { composeArtwork, renderPng } from './artwork/index.ts';

export type PreviewInput = { readonly category: string; readonly slug: string };

/** Runs in a thread: a picture of 1200 × 630 takes tens of milliseconds of pure CPU time. */
export function run({ category, slug }: PreviewInput): Uint8Array {
  return renderPng(composeArtwork('preview', category, slug));
}
