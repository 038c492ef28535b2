import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Compute } from '#platform/compute';
import type { ServiceDependencies } from '#platform/service';
import { AppError, messageOf } from '#shared/errors';
import type { ExtractInput } from './extraction/extract-worker.ts';
import type { ExtractedPage } from './extraction/index.ts';
import { gather } from './gather.ts';
import { insertFinishedPage, type PageOutcomeRow } from './page-store.ts';
import type { ScraperMetrics } from './scraper-metrics.ts';
import type { IngestOutcome } from './scraper-types.ts';
import { findTargetByUrl, insertTarget, markTargetCrawled } from './target-store.ts';

export type FileDependencies = Pick<ServiceDependencies, 'database' | 'events' | 'clock'> & {
  readonly compute: Compute;
  readonly scraperMetrics: ScraperMetrics;
};

const worker = new URL('./extraction/extract-worker.ts', import.meta.url);
const extractTimeoutMs = 5000;
const maxFileBytes = 10 * 1024 * 1024;
const maxFiles = 10_000;
const htmlName = /\.x?html?$/i;
const headBytes = 2048;

export const acceptedSources =
  'Accepted are http:// and https:// addresses of pages, feeds and sitemaps, files that end in .html, .htm or .xhtml, and folders that hold such files.';

const refused = (reason: string): IngestOutcome => ({ kind: 'refused', reason: `${reason} ${acceptedSources}` });

/** Reads an HTML file, or all of a folder, in this process and keeps the texts at once: other machines cannot see the file. */
export async function ingestFiles(dependencies: FileDependencies, source: string): Promise<IngestOutcome> {
  // The empty path would be the folder that the program runs in.
  if (source.trim() === '') return refused('No source was named.');
  const file = path.resolve(source);
  const kind = await kindOf(file);
  if (kind === 'missing') return refused(`There is no file or folder "${source}".`);
  if (kind === 'other' || (kind === 'file' && !htmlName.test(file))) return refused(`"${source}" is no HTML file.`);
  if (kind === 'file') return { kind: 'accepted', targetIds: [await ingestFile(dependencies, file)] };
  const files = await listHtmlFiles(file);
  if (files.length === 0) return refused(`The folder "${source}" holds no HTML file.`);
  if (files.length > maxFiles) return refused(`The folder "${source}" holds more than ${maxFiles} HTML files.`);
  const targetIds: string[] = [];
  for (const each of files) targetIds.push(await ingestFile(dependencies, each));
  return { kind: 'accepted', targetIds };
}

async function kindOf(file: string): Promise<'file' | 'folder' | 'other' | 'missing'> {
  try {
    const info = await stat(file);
    return info.isDirectory() ? 'folder' : info.isFile() ? 'file' : 'other';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // A NUL byte or an endless name is no path either.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ERR_INVALID_ARG_VALUE') return 'missing';
    if (code === 'EACCES' || code === 'ELOOP') return 'other';
    throw error;
  }
}

/** In order of name, folders inside folders too; links are not followed, so no folder is met twice. */
async function listHtmlFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined && files.length <= maxFiles; next = folders.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true })) {
      if (entry.isDirectory()) folders.push(path.join(next, entry.name));
      else if (entry.isFile() && htmlName.test(entry.name)) files.push(path.join(next, entry.name));
    }
  }
  return files.sort();
}

/** Browsers note in a saved page where it came from; its links and its canonical address are relative to that. */
function savedFrom(body: Buffer): string | undefined {
  const address = /<!--\s*saved from url=\(\d+\)(https?:\/\/\S+?)\s*-->/i.exec(body.subarray(0, headBytes).toString('latin1'))?.[1];
  return address !== undefined && URL.canParse(address) ? address : undefined;
}

type Reading = { readonly page: ExtractedPage } | { readonly reason: string };

async function readPage({ compute, clock }: FileDependencies, file: string, url: string): Promise<Reading> {
  try {
    if ((await stat(file)).size > maxFileBytes) return { reason: 'The file is larger than 10 MB.' };
    const body = await readFile(file);
    const input = { body, contentType: undefined, url: savedFrom(body) ?? url, now: clock.now() };
    return { page: await compute.run<ExtractInput, ExtractedPage>(worker, input, { timeoutMs: extractTimeoutMs }) };
  } catch (error) {
    const isFileError = error instanceof Error && 'syscall' in error;
    const isPageFault = error instanceof AppError && ['compute_timed_out', 'compute_out_of_memory', 'compute_failed'].includes(error.code);
    if (!isFileError && !isPageFault) throw error;
    return { reason: `The file cannot be read: ${messageOf(error)}` };
  }
}

async function ingestFile(dependencies: FileDependencies, file: string): Promise<string> {
  const { database, clock, scraperMetrics } = dependencies;
  const url = pathToFileURL(file).href;
  const reading = await readPage(dependencies, file, url);
  return database.transaction(async (tx) => {
    const at = clock.now();
    const target = (await insertTarget(tx, { id: clock.newId(), kind: 'file', url, at })) ?? (await findTargetByUrl(tx, url));
    if (target === undefined) throw new AppError('target_vanished', 'The target was deleted while its file was read.', { retryable: true });
    let outcome: PageOutcomeRow & { readonly label: string };
    if ('reason' in reading) outcome = { status: 'failed', reason: reading.reason, rawContentId: null, label: 'failed' };
    else {
      const gathered = await gather(tx, dependencies, { targetId: target.id, url, page: reading.page });
      outcome =
        gathered.kind === 'too_short'
          ? { status: 'skipped', reason: gathered.reason, rawContentId: null, label: 'skipped' }
          : {
              status: 'done',
              reason: gathered.kind === 'duplicate' ? 'The same text was met at another address.' : null,
              rawContentId: gathered.rawContentId,
              label: gathered.kind,
            };
    }
    await insertFinishedPage(tx, target.id, { id: clock.newId(), url, host: '' }, outcome, at);
    await markTargetCrawled(tx, target.id, at);
    tx.afterCommit(() => scraperMetrics.pages.inc({ outcome: outcome.label }));
    return target.id;
  });
}
