import { composeArtwork, renderJpeg } from './artwork/index.ts';
import type { PreviewInput } from './preview-worker.ts';

/** Runs in a thread: 1080 × 1350 pixels take some hundred milliseconds of pure CPU time. */
export function run({ category, slug }: PreviewInput): Uint8Array {
  return renderJpeg(composeArtwork('social', category, slug));
}
