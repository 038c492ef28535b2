import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError, messageOf } from '#shared/errors';
import { loadSampleSites, type SampleFile, type SampleSites } from './sample-site.ts';

export type SampleWeb = { readonly port: number; close(): Promise<void> };

/**
 * Serves the sample web on loopback, as the hosts that its manifest names. They end in `.localhost`, which crawlers and
 * browsers take for this machine without asking anybody. Port 0 takes any free one.
 * @throws AppError `sample_web_port_unusable`
 */
export async function startSampleWeb(options: { readonly folder: string; readonly port: number }): Promise<SampleWeb> {
  const sites = await loadSampleSites(options.folder);
  const listener: RequestListener = (request, response) => {
    answer(sites, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendText(response, 500, `The sample web failed: ${messageOf(error)}\n`);
    });
  };
  const first = createServer(listener);
  await listen(first, options.port, '127.0.0.1').catch((error: unknown) => {
    throw new AppError(
      'sample_web_port_unusable',
      `Port ${options.port} for the sample web cannot be opened (${messageOf(error)}); give another with --sample-web-port or SAMPLE_WEB_PORT.`,
      { cause: error },
    );
  });
  const { port } = first.address() as AddressInfo;
  const servers = [first, ...(await listenOnIpv6(listener, port))];
  return {
    port,
    async close() {
      await Promise.all(servers.map(closeServer));
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** Some browsers try `::1` first. Where there is no IPv6, or the port is taken there, IPv4 serves them all the same. */
async function listenOnIpv6(listener: RequestListener, port: number): Promise<Server[]> {
  const server = createServer(listener);
  const isListening = await listen(server, port, '::1').then(
    () => true,
    () => false,
  );
  return isListening ? [server] : [];
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(sites: SampleSites, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, host = '', port] = /^([^:]*)(?::(\d+))?$/.exec((request.headers.host ?? '').toLowerCase()) ?? [];
  if (!sites.hosts.includes(host)) {
    return sendText(response, 421, `This server is ${sites.hosts.join(' and ')}, not "${request.headers.host ?? ''}".\n`);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return sendText(response, 405, 'Only GET and HEAD are answered.\n');
  }
  // The port as the caller wrote it: a link then leads back through the same way.
  const originOf = (name: string) => new URL(`http://${name}${port === undefined ? '' : `:${port}`}`).origin;
  const file = await sites.read(host, pathOf(request.url ?? '/'), originOf);
  if (file === undefined) return sendText(response, 404, 'There is no such page.\n');
  sendFile(request, response, file);
}

/** Of the request line as it came: `..` is no step here but a name that no file has. */
function pathOf(target: string): string {
  const [path = ''] = target.split(/[?#]/);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: SampleFile): void {
  response.setHeader('etag', file.etag);
  response.setHeader('last-modified', file.lastModified.toUTCString());
  response.setHeader('cache-control', 'max-age=60');
  if (isFresh(request, file)) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, { 'content-type': file.contentType, 'content-length': file.body.length });
  response.end(request.method === 'HEAD' ? undefined : file.body);
}

/** RFC 9110, 13.2.2: the tag decides where one is given. */
function isFresh({ headers }: IncomingMessage, { etag, lastModified }: SampleFile): boolean {
  const known = headers['if-none-match'];
  if (known !== undefined) return known === '*' || known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && Math.floor(lastModified.getTime() / 1000) * 1000 <= since;
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) }).end(text);
}
