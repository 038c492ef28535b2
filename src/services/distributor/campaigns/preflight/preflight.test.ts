import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createHttpClient, type HttpClient } from '#platform/http-client';
import { createLogger, createMetrics } from '#platform/telemetry';
import { untrackedReader } from '../../rendering/preview-reader.ts';
import { checkContent } from './check-content.ts';
import { checkLinks } from './check-links.ts';
import { checkSender } from './check-sender.ts';

const codesOf = (findings: readonly { code: string }[] = []) => findings.map(({ code }) => code).sort();

describe('links', () => {
  let server: Server;
  let httpClient: HttpClient;
  let base: string;
  const requests: string[] = [];

  before(async () => {
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      const status = Number(/^\/(\d+)/.exec(request.url ?? '')?.[1] ?? 200);
      response.writeHead(request.url === '/no-head' && request.method === 'HEAD' ? 405 : status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    base = `http://127.0.0.1:${port}`;
    httpClient = createHttpClient({
      allowedPrivateHosts: [],
      serviceHosts: [`127.0.0.1:${port}`],
      userAgent: 'tests',
      metrics: createMetrics('test'),
      logger: createLogger({ level: 'fatal', format: 'json', role: 'test' }),
      lookUp: async (name) => {
        if (name === 'offline.example') throw Object.assign(new Error('no network'), { code: 'EAI_AGAIN' });
        throw Object.assign(new Error('unknown'), { code: 'ENOTFOUND' });
      },
    });
  });
  after(async () => {
    await httpClient.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const check = (...urls: string[]) => checkLinks(urls, { httpClient, ownBaseUrl: base });

  test('of pages that are there are fine, our own at a private address and those without HEAD too', async () => {
    assert.deepEqual(await check(`${base}/`, `${base}/no-head`), { blocking: [], warnings: [] });
  });
  test('to what is gone block, and are asked for twice: by HEAD and by GET', async () => {
    const { blocking = [], warnings } = await check(`${base}/404`, `${base}/410`, `${base}/404`);
    assert.deepEqual([codesOf(blocking), warnings], [['link_broken', 'link_broken'], []]);
    assert.deepEqual(blocking.map(({ where }) => where).sort(), [`${base}/404`, `${base}/410`]);
    assert.deepEqual(
      requests.filter((request) => request.endsWith('/404')),
      ['HEAD /404', 'GET /404'],
    );
  });
  test('that answer with another fault warn', async () => {
    const { blocking, warnings } = await check(`${base}/500`, `${base}/403`);
    assert.deepEqual([blocking, codesOf(warnings)], [[], ['link_unverified', 'link_unverified']]);
  });
  test('to hosts that do not exist, or to private addresses, block; without a network they warn', async () => {
    const { blocking, warnings = [] } = await check(
      'https://nowhere.example/',
      'http://10.0.0.1/',
      'http://127.0.0.1:1/',
      'https://offline.example/',
    );
    assert.deepEqual(codesOf(blocking), ['link_broken', 'link_broken', 'link_broken']);
    assert.deepEqual(
      warnings.map(({ where }) => where),
      ['https://offline.example/'],
    );
  });
});

describe('the sender’s domain', () => {
  const check = (records: Record<string, string[] | string>, dkim = true) =>
    checkSender({
      domain: 'mail.planted.org',
      isMailbox: false,
      dkimKeys: dkim ? [{ domain: 'mail.planted.org', selector: 's1' }] : [],
      resolver: {
        async resolveTxt(name) {
          const found = records[name];
          if (found === undefined) throw Object.assign(new Error('none'), { code: 'ENODATA' });
          if (typeof found === 'string') throw Object.assign(new Error('failed'), { code: found });
          return found.map((text) => [text.slice(0, 5), text.slice(5)]);
        },
      },
    });
  const good = {
    'mail.planted.org': ['other', 'v=spf1 include:_spf.provider.net -all'],
    '_dmarc.planted.org': ['v=DMARC1; p=none'],
    's1._domainkey.mail.planted.org': ['v=DKIM1; k=rsa; p=MIIB'],
  };

  test('with SPF, DKIM and the DMARC of its organisation passes', async () => {
    assert.deepEqual(await check(good), { blocking: [], warnings: [] });
  });
  test('without them is refused, and each is named', async () => {
    assert.deepEqual(codesOf((await check({})).blocking), ['dkim_missing', 'dmarc_missing', 'spf_missing']);
  });
  test('with two SPF records, an empty key or a broken DMARC record is refused', async () => {
    const { blocking } = await check({
      'mail.planted.org': ['v=spf1 -all', 'v=spf1 ~all'],
      '_dmarc.mail.planted.org': ['v=DMARC1; rua=mailto:a@b.c'],
      's1._domainkey.mail.planted.org': ['v=DKIM1; p='],
    });
    assert.deepEqual(codesOf(blocking), ['dkim_missing', 'dmarc_invalid', 'spf_ambiguous']);
  });
  test('is no reason to hold mail back when name servers fail, and lets everybody send with a warning', async () => {
    const failing = await check({ ...good, 'mail.planted.org': 'ESERVFAIL', '_dmarc.mail.planted.org': 'ETIMEOUT' });
    assert.deepEqual([failing.blocking, codesOf(failing.warnings)], [[], ['dmarc_unverified', 'spf_unverified']]);
    const open = await check({ ...good, 'mail.planted.org': ['v=spf1 +all'] }, false);
    assert.deepEqual([open.blocking, codesOf(open.warnings)], [[], ['dkim_off', 'spf_open']]);
  });
  test('is not asked about where mail goes to nobody, or the name is reserved', async () => {
    const resolver = { resolveTxt: () => Promise.reject(new Error('asked')) };
    for (const [domain, isMailbox] of [
      ['planted.org', true],
      ['aquascene.example', false],
      ['news.localhost', false],
      ['example.org', false],
    ] as const) {
      const { notes, blocking } = await checkSender({ domain, isMailbox, dkimKeys: [], resolver });
      assert.deepEqual([notes?.length, blocking], [1, undefined]);
    }
  });
});

describe('content', () => {
  const check = (html: string, links: string[] = []) => {
    const content = { variants: [{ subject: 's', text: 't', html }], links: links.map((url) => ({ url, contentId: null })) };
    const reader = {
      ...untrackedReader(null, { variables: {} }, content, 'https://news.example/u'),
      openUrl: 'https://news.example/t/o/x.gif',
    };
    const { report, images } = checkContent({ content, mailFrom: 'N <n@news.example>', ownBaseUrl: 'https://news.example', reader });
    return { codes: codesOf(report.blocking), images };
  };

  test('pictures need alternative text and lie with us; the one that counts opens does not matter, nor decoration', () => {
    const own = 'https://news.example/newsletter-images/a.png';
    assert.deepEqual(check(`<img src="${own}" alt="Moss"><img src="{{ open_url }}" alt="">`), { codes: [], images: [own] });
    assert.deepEqual(check(`<img src="${own}"><img src="${own}" alt=" ">`).codes, ['image_without_alt', 'image_without_alt']);
    assert.deepEqual(check('<img alt="Moss > fern" src="https://elsewhere.example/a.png">').codes, ['image_not_hosted']);
    assert.deepEqual(check(`<img src="${own}" alt="" role="presentation">`).codes, []);
  });

  test('what Gmail would cut off is refused, by its length with its links, encoded', () => {
    const line = 'a line of text that has eighty characters, so that it is long, or nearly so. \n';
    assert.deepEqual(check(line.repeat(1200)).codes, []);
    assert.deepEqual(check(line.repeat(1400)).codes, ['mail_too_long']);
    // Half as much in Cyrillic takes three times the room.
    assert.deepEqual(check('Здравей, читателю '.repeat(1100)).codes, ['mail_too_long']);
    const links = [`https://news.example/${'x'.repeat(200)}`];
    assert.deepEqual(check('<a href="{{ links[0] }}">x</a>\n'.repeat(300), links).codes, []);
    assert.deepEqual(check('<a href="{{ links[0] }}">x</a>\n'.repeat(500), links).codes, ['mail_too_long']);
  });
});
