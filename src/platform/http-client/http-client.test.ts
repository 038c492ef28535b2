import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { findFreePort } from '../../../tests/support/free-port.ts';
import { closeAfterEach, codeOf, createClient, failureOf, serve, serveBytes } from './testing/test-web.ts';

closeAfterEach();

test('an answer comes back whole, with the final address; any status is an answer', async () => {
  const web = await serve((request, response) => {
    response.writeHead(request.url === '/gone' ? 410 : 200, { 'content-type': 'text/plain', 'x-twice': ['a', 'b'] });
    response.end(`${request.method} ${request.headers['user-agent']} ${request.headers.accept}`);
  });
  const client = createClient();
  const found = await client.fetch(web.url('/page#part'));
  assert.equal(found.body.toString(), 'GET TestBot/1.0 */*');
  assert.deepEqual([found.status, found.url, found.redirects], [200, web.url('/page'), []]);
  assert.deepEqual([found.headers['content-type'], found.headers['x-twice']], ['text/plain', 'a, b']);
  assert.equal((await client.fetch(web.url('/gone'))).status, 410);
  assert.equal((await client.fetch(web.url(), { method: 'HEAD' })).body.length, 0);
});

test('endless redirects and circles end', async () => {
  const web = await serve((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    const count = Number(url.searchParams.get('n'));
    response.writeHead(301, { location: url.pathname === '/circle' ? `/circle?n=${1 - count}` : `/on?n=${count + 1}` }).end();
  });
  const client = createClient();
  assert.match((await failureOf(client.fetch(web.url('/circle?n=0')))).message, /in a circle/);
  const tooMany = await failureOf(client.fetch(web.url('/on?n=0')));
  assert.deepEqual([tooMany.code, tooMany.retryable], ['too_many_redirects', false]);
  assert.match(tooMany.message, /^a\.localhost:\d+ redirects more than 5 times/);
  assert.equal(await codeOf(client.fetch(web.url('/on?n=0'), { maxRedirects: 0 })), 'too_many_redirects');
});

test('what is asked of a redirect may fetch, and may veto', async () => {
  const web = await serve((request, response) => {
    if (request.url === '/start') response.writeHead(302, { location: '/end' }).end();
    else response.end(`seen ${request.url}`);
  });
  // One request at a time: a hook that held its turn would wait for itself.
  const client = createClient({ maxRequests: 1 });
  const asked: string[] = [];
  const found = await client.fetch(web.url('/start'), {
    onRedirect: async (url) => {
      asked.push(url, (await client.fetch(web.url('/robots.txt'))).body.toString());
    },
  });
  assert.equal(found.body.toString(), 'seen /end');
  assert.deepEqual(asked, [web.url('/end'), 'seen /robots.txt']);
  const veto = new AppError('robots_disallowed', 'not there');
  const vetoed = client.fetch(web.url('/start'), {
    onRedirect: () => {
      throw veto;
    },
  });
  await assert.rejects(vetoed, veto);
});

test('a POST sends its body, also again after a 307, and becomes a GET after a 303', async () => {
  const web = await serve((request, response) => {
    if (request.url?.startsWith('/go') === true) return void response.writeHead(Number(request.url.slice(3)), { location: '/end' }).end();
    let body = '';
    request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
    request.on('end', () => response.end(`${request.method} ${body} ${request.headers['content-type'] ?? '-'}`));
  });
  const client = createClient();
  const post = (path: string) => client.fetch(web.url(path), { method: 'POST', body: 'text', headers: { 'Content-Type': 'text/x' } });
  assert.equal((await post('/end')).body.toString(), 'POST text text/x');
  assert.equal((await post('/go307')).body.toString(), 'POST text text/x');
  assert.equal((await post('/go303')).body.toString(), 'GET  -');
});

test('what cannot be reached or understood is told apart, and names the host', async () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n';
  const replies: Record<string, string> = {
    '/garbage': 'this is no HTTP\r\n\r\n',
    '/cut': `${head}\r\nonly this`,
    '/headers': `${head}x: ${'y'.repeat(40_000)}\r\n\r\n`,
    '/nothing': '',
  };
  const port = await serveBytes((socket) => {
    socket.once('data', (data) => socket.end(replies[data.toString().split(' ')[1] ?? ''] ?? ''));
  });
  const client = createClient({ lookUp: async () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) });
  const outcomes: [string, string, boolean][] = [
    [`http://a.localhost:${port}/garbage`, 'response_invalid', false],
    [`http://a.localhost:${port}/headers`, 'response_invalid', false],
    [`http://a.localhost:${port}/cut`, 'connection_lost', true],
    [`http://a.localhost:${port}/nothing`, 'connect_failed', true],
    [`http://a.localhost:${await findFreePort()}/`, 'connect_failed', true],
    ['http://nowhere.example/', 'dns_failed', false],
  ];
  for (const [url, code, retryable] of outcomes) {
    const error = await failureOf(client.fetch(url, { retries: 0 }));
    assert.deepEqual([error.code, error.retryable], [code, retryable], `${url}: ${error.message}`);
    assert.ok(error.message.includes(new URL(url).hostname), error.message);
  }
  const busy = createClient({ lookUp: async () => Promise.reject(Object.assign(new Error('no'), { code: 'EAI_AGAIN' })) });
  assert.equal((await failureOf(busy.fetch('http://nowhere.example/'))).retryable, true);
});

test('requests are counted by what came of them', async () => {
  const web = await serve((_request, response) => response.writeHead(404).end());
  const metrics = createMetrics('own');
  const client = createClient({ metrics, lookUp: async () => [] });
  await client.fetch(web.url());
  await failureOf(client.fetch('http://nowhere.example/'));
  const text = await metrics.text();
  assert.match(text, /aquascene_http_client_requests_total\{outcome="4xx",role="own"\} 1/);
  assert.match(text, /aquascene_http_client_requests_total\{outcome="dns_failed",role="own"\} 1/);
  assert.match(text, /aquascene_http_client_seconds_count\{role="own"\} 2/);
});
