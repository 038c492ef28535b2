import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { createWorkplace, runCommand, type Workplace } from '../support/engine.ts';

const sampleWeb = path.resolve(import.meta.dirname, '../../packs/aquascaping/sample-web');
const sampleFolders = ['greenwater-journal.localhost/articles', 'scapers-corner.localhost/blog'].map((folder) =>
  path.join(sampleWeb, folder),
);

const sentences = [
  'Java moss grows on wood and stone and needs no substrate at all.',
  'Java moss grows in low light and needs no added CO2.',
  'A thin layer of moss tied to wood with cotton thread takes hold within four weeks.',
  'Young shrimp find biofilm and shelter between the fronds of java moss.',
  'A trim every six weeks keeps moss dense and lets water pass through.',
  'Loose pieces of moss are caught with a net, since each of them can grow on its own.',
  'Christmas moss forms triangular fronds that overlap like the tiles of a roof.',
  'Moss that grows too thick turns brown underneath, because no light reaches its lower layers.',
];
const article = (title: string, text: readonly string[]) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><main><article><h1>${title}</h1><p>${text.slice(0, 4).join(' ')}</p><p>${text.slice(4).join(' ')}</p></article></main></body></html>`;

const cyrillic = `<!doctype html><html lang="bg"><head><title>Мъх</title></head><body><article><h1>Мъх в аквариума</h1><p>${'Яванският мъх расте бавно върху дърво и камък и не се нуждае от силна светлина. '.repeat(8)}</p></article></body></html>`;

/** Windows-1251 by hand: the letters that the text above uses stand in one run. */
function toWindows1251(text: string): Buffer {
  return Buffer.from(
    [...text].map((char) => {
      const code = char.codePointAt(0) ?? 0;
      return code >= 0x410 && code <= 0x44f ? code - 0x410 + 0xc0 : code;
    }),
  );
}

type Page = { readonly url: string; readonly status: string; readonly reason: string | null };
type IngestAnswer = { readonly pages: readonly Page[]; readonly refused: readonly { readonly source: string; readonly reason: string }[] };

describe('ingest, generate, publish and send without a running engine', () => {
  let workplace: Workplace;
  let web: Server;
  let origin: string;
  let mailServer: SMTPServer;
  let environment: Record<string, string>;
  const received: string[] = [];
  let folder: string;

  before(async () => {
    workplace = await createWorkplace();
    folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-pages-'));
    web = createServer((request, response) => {
      const html = (status: number, body: string | Buffer, type = 'text/html; charset=utf-8') =>
        response.writeHead(status, { 'content-type': type }).end(body);
      const path = request.url ?? '/';
      if (path === '/robots.txt') return html(200, 'User-agent: *\nDisallow: /closed\nCrawl-delay: 0.05', 'text/plain');
      if (path === '/moss') return html(200, article('Moss on wood', sentences));
      if (path === '/broken') return html(200, `<table><div><p>${sentences.join('<b> ')}<span`);
      if (path === '/cyrillic') return html(200, toWindows1251(cyrillic), 'text/html; charset=iso-8859-1-wrong');
      if (path === '/pdf') return html(200, '%PDF-1.7 …', 'application/pdf');
      if (path === '/feed') {
        return html(
          200,
          `<rss version="2.0"><channel><title>F</title><link>${origin}</link><description>d</description><item><title>M</title><link>${origin}/from-feed</link></item></channel></rss>`,
          'application/rss+xml',
        );
      }
      if (path === '/from-feed') return html(200, article('Trimming moss', [...sentences].reverse()));
      if (path === '/sitemap.xml')
        return html(
          200,
          `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>${origin}/closed</loc></url></urlset>`,
          'application/xml',
        );
      if (path.startsWith('/loop')) return response.writeHead(302, { location: `/loop${Number(path.slice(5) || 0) + 1}` }).end();
      if (path === '/huge') {
        response.writeHead(200, { 'content-type': 'text/html' });
        const chunk = Buffer.alloc(1024 * 1024, '<p>water ');
        let left = 50;
        const write = () => {
          while (left > 0 && !response.destroyed) {
            left -= 1;
            if (!response.write(chunk)) return void response.once('drain', write);
          }
          response.end();
        };
        return write();
      }
      return html(404, 'nothing here');
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    mailServer = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData(stream, session, callback) {
        stream.resume();
        stream.on('end', () => {
          received.push(...session.envelope.rcptTo.map(({ address }) => address));
          callback();
        });
      },
    });
    await new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', resolve));
    const { port } = mailServer.server.address() as AddressInfo;
    environment = { SMTP_URL: `smtp://127.0.0.1:${port}`, SAMPLE: 'off', CRAWL_ALLOWED_PRIVATE_HOSTS: new URL(origin).host };
  });
  after(async () => {
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
    await new Promise<void>((resolve) => mailServer.close(resolve));
    rmSync(folder, { recursive: true });
    workplace.remove();
  });

  async function ingest(
    sources: readonly string[],
    extra: Record<string, string> = {},
  ): Promise<IngestAnswer & { readonly code: number | null }> {
    const { code, stdout, stderr } = await runCommand(workplace, ['ingest', ...sources, '--json'], { ...environment, ...extra });
    assert.notEqual(stdout, '', stderr);
    return { ...JSON.parse(stdout), code };
  }

  test('a private address is refused unless configuration allows it, and so is what is no web address', async () => {
    const { pages, refused, code } = await ingest([`${origin}/moss`, 'ftp://example.com/x', '/no/such/file.html'], {
      CRAWL_ALLOWED_PRIVATE_HOSTS: '',
    });
    assert.equal(code, 3);
    assert.match(pages.find(({ url }) => url === `${origin}/moss`)?.reason ?? '', /private/);
    assert.deepEqual(
      refused.map(({ source }) => source),
      ['ftp://example.com/x', '/no/such/file.html'],
    );
  });

  test('each page has its outcome with the reason, and a bad one does not stop the rest', async () => {
    const names = ['/moss', '/broken', '/cyrillic', '/pdf', '/missing', '/loop', '/huge', '/closed', '/feed', '/sitemap.xml'];
    const { pages, code } = await ingest(names.map((name) => origin + name));
    assert.equal(code, 3);
    const outcome = (name: string) => pages.find(({ url }) => url === origin + name);
    for (const name of ['/moss', '/cyrillic', '/feed', '/sitemap.xml'])
      assert.equal(outcome(name)?.status, 'done', `${name}: ${outcome(name)?.reason}`);
    assert.ok(['done', 'skipped'].includes(outcome('/broken')?.status ?? ''), JSON.stringify(outcome('/broken')));
    const reasons: readonly (readonly [string, RegExp])[] = [
      ['/pdf', /pdf/i],
      ['/missing', /404/],
      ['/loop', /redirect/],
      ['/huge', /longer|large|big/],
      ['/closed', /robots\.txt/],
    ];
    for (const [name, reason] of reasons) {
      assert.notEqual(outcome(name)?.status, 'done', name);
      assert.match(outcome(name)?.reason ?? '', reason, name);
    }
  });

  test('files and folders are read; the same text is not kept twice', async () => {
    writeFileSync(path.join(folder, 'moss.html'), article('Moss on wood', sentences));
    writeFileSync(
      path.join(folder, 'fern.html'),
      article(
        'Ferns',
        sentences.map((sentence) => sentence.replace(/moss/gi, 'fern')),
      ),
    );
    const { pages, code } = await ingest([folder]);
    assert.equal(code, 0, JSON.stringify(pages));
    assert.equal(pages.length, 2);
  });

  test('a draft is written from what was gathered, published in a person’s name, and sent', async () => {
    const run = (words: readonly string[]) => runCommand(workplace, words, environment);
    const { pages } = await ingest(sampleFolders);
    assert.ok(pages.filter(({ status }) => status === 'done').length >= 18, JSON.stringify(pages));
    const generated = await run(['generate', 'mosses-and-ferns-on-wood-and-rock', '--json']);
    assert.equal(generated.code, 0, generated.stderr + generated.stdout);
    const [request] = JSON.parse(generated.stdout);
    assert.equal(request.status, 'written', generated.stdout);
    const declined = await run(['generate', 'marine reef skimmers', '--json']);
    assert.equal(declined.code, 3, declined.stdout);
    assert.match(JSON.parse(declined.stdout)[0].reason, /\w/);

    const published = await run(['publish', request.contentId, '--actor', 'editor', '--json']);
    assert.equal(published.code, 0, published.stderr + published.stdout);
    assert.equal((await run(['publish', '00000000-0000-7000-8000-000000000000'])).code, 1);

    const nobody = await run(['send', 'digest', '--json']);
    assert.equal(nobody.code, 1, nobody.stderr + nobody.stdout);
    assert.match(nobody.stderr, /Nobody would get this mail/);
    assert.deepEqual(received, [], 'there is no subscriber yet');
    const list = path.join(workplace.dataDir, 'readers.csv');
    writeFileSync(list, 'email,name,litres\nann@example.org,Ann,54\nnobody,x,\n');
    const imported = await run(['import', list, '--map', 'litres=', '--json']);
    assert.equal(imported.code, 3, imported.stderr + imported.stdout);
    const { created, faulty } = JSON.parse(imported.stdout);
    assert.deepEqual([created, faulty], [1, 1]);
    const sent = await run(['send', 'digest', '--json']);
    assert.equal(sent.code, 0, sent.stderr + sent.stdout);
    assert.equal(JSON.parse(sent.stdout).status, 'sent');
    assert.deepEqual(received, ['ann@example.org']);
    const listed = await run(['jobs', 'list', '--json']);
    assert.equal(listed.code, 0, listed.stderr);
  });
});
