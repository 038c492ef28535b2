import type { Compute } from '#platform/compute';
import type { DocumentInput, WebDocument } from './read-document-worker.ts';

export type { DocumentInput, WebDocument } from './read-document-worker.ts';

const worker = new URL('./read-document-worker.ts', import.meta.url);
/** Of CPU time: a page that takes longer is made to. */
const timeoutMs = 5000;

export type ReadDocument = (input: DocumentInput) => Promise<WebDocument>;

/** Reads documents of the web in threads: whatever a page contains, the process that asks goes on. */
export function createDocumentReader(compute: Compute): ReadDocument {
  return (input) => compute.run<DocumentInput, WebDocument>(worker, input, { timeoutMs });
}
