import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';

export type SampleFile = {
  readonly body: Buffer;
  readonly contentType: string;
  readonly etag: string;
  readonly lastModified: Date;
};

/** Every file that may be served, by host and by the path that a browser asks for. What is not in here does not exist. */
export type SampleSites = {
  readonly hosts: readonly string[];
  /** `originOf` gives scheme, host and port of a host of the sample web. */
  read(host: string, pathname: string, originOf: (host: string) => string): Promise<SampleFile | undefined>;
};

type Manifest = {
  readonly hosts: readonly { readonly host: string }[];
  readonly pages: readonly { readonly host: string; readonly path: string; readonly encoding?: string }[];
};

type Entry = { readonly file: string; readonly contentType: string };

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.xml': 'application/xml',
  '.txt': 'text/plain',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
};

const feedTypes: readonly (readonly [RegExp, string])[] = [
  [/\/atom\.xml$/, 'application/atom+xml'],
  [/\/(feed|rss)\.xml$/, 'application/rss+xml'],
];

function contentTypeOf(file: string, encoding: string): string {
  const type = feedTypes.find(([pattern]) => pattern.test(file))?.[1] ?? mediaTypes[path.extname(file)] ?? 'application/octet-stream';
  return /^text\/|xml$/.test(type) ? `${type}; charset=${encoding}` : type;
}

/** `/a/b.html` is found at `/a/b` as well, `/a/index.html` at `/a/` too. */
function pathsOf(relative: string): string[] {
  const whole = `/${relative.split(path.sep).join('/')}`;
  return [whole, whole.replace(/\.html$/, ''), whole.replace(/\/index\.html$/, '/')];
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  // `isFile` is false for links: what lies outside of the folder stays there.
  return entries.filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

async function listEntries(folder: string, host: string, pages: Manifest['pages']): Promise<Map<string, Entry>> {
  const encodings = new Map(pages.filter((page) => page.host === host).map((page) => [page.path, page.encoding ?? 'utf-8']));
  const entries = new Map<string, Entry>();
  for (const relative of await listFiles(path.join(folder, host))) {
    const paths = pathsOf(relative);
    const encoding = paths.map((each) => encodings.get(each)).find((each) => each !== undefined) ?? 'utf-8';
    const file = path.join(folder, host, relative);
    for (const each of paths) entries.set(each, { file, contentType: contentTypeOf(file, encoding) });
  }
  return entries;
}

/** Byte for byte what stands in the file, but for the placeholders: Latin-1 keeps every byte, whatever the encoding is. */
function fillIn(raw: Buffer, host: string, originOf: (host: string) => string): Buffer {
  const text = raw.toString('latin1');
  if (!text.includes('{{origin')) return raw;
  const filled = text.replace(/\{\{origin(?::([\w.-]+))?\}\}/g, (_match, other: string | undefined) => originOf(other ?? host));
  return Buffer.from(filled, 'latin1');
}

export async function loadSampleSites(folder: string): Promise<SampleSites> {
  const manifest = parse(await readFile(path.join(folder, 'manifest.yaml'), 'utf8')) as Manifest;
  const sites = new Map<string, Map<string, Entry>>();
  for (const { host } of manifest.hosts) sites.set(host, await listEntries(folder, host, manifest.pages));

  return {
    hosts: [...sites.keys()],
    async read(host, pathname, originOf) {
      const entry = sites.get(host)?.get(pathname);
      if (entry === undefined) return undefined;
      const [raw, { mtime }] = await Promise.all([readFile(entry.file), stat(entry.file)]);
      const body = fillIn(raw, host, originOf);
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      return { body, contentType: entry.contentType, etag, lastModified: mtime };
    },
  };
}
