import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';
import { closeAfterEach, codeOf, createClient, failureOf, serve } from './testing/test-web.ts';

closeAfterEach();

test('private addresses are refused in every spelling, without a connection', async () => {
  const web = await serve((_request, response) => response.end('secret'));
  const client = createClient({ allowedPrivateHosts: [] });
  const hosts = ['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', '0x7f000001', '127.0.0.1.', '0', '0.0.0.0'];
  const six = ['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::127.0.0.1]', '[2002:7f00:1::]'];
  const names = ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'a.localhost.', '①②⑦.0.0.1', '169.254.169.254', '10.1.2.3'];
  for (const host of [...hosts, ...six, ...names]) {
    const error = await failureOf(client.fetch(`http://${host}:${web.port}/`));
    assert.deepEqual([error.code, error.retryable], ['address_refused', false], host);
  }
  assert.match((await failureOf(client.fetch('http://10.1.2.3/'))).message, /^10\.1\.2\.3 is not fetched/);
  assert.equal(web.connections(), 0);
});

test('every address of a name is checked: one private among them refuses it', async () => {
  const web = await serve((_request, response) => response.end('secret'));
  const answers: Record<string, LookupAddress[]> = {
    'inside.example': [{ address: '127.0.0.1', family: 4 }],
    'mixed.example': [
      { address: '93.184.215.14', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ],
    'metadata.example': [{ address: '169.254.169.254', family: 4 }],
    'mapped.example': [{ address: '::ffff:127.0.0.1', family: 6 }],
  };
  const client = createClient({
    // An allowed host may lead to this machine or its network; to metadata, never.
    allowedPrivateHosts: ['metadata.example'],
    lookUp: async (hostname) => answers[hostname] ?? [],
  });
  for (const hostname of Object.keys(answers)) {
    assert.equal(await codeOf(client.fetch(`http://${hostname}:${web.port}/`)), 'address_refused', hostname);
  }
  assert.equal(web.connections(), 0);
});

test('a connection goes to the address that was checked, and a new one to one that is checked anew', async () => {
  const web = await serve((_request, response) => response.writeHead(200, { connection: 'close' }).end('here'));
  let asked = 0;
  // Known to no name server: what answers can only have been reached through this answer.
  const lookUp = async () => [{ address: ['127.0.0.1', '169.254.169.254'][asked++] ?? '', family: 4 }];
  const first = createClient({ allowedPrivateHosts: ['rebinding.example'], lookUp });
  assert.equal((await first.fetch(`http://rebinding.example:${web.port}/`)).body.toString(), 'here');
  assert.equal(asked, 1);
  assert.equal((await first.fetch(`http://rebinding.example:${web.port}/`)).status, 200, 'the answer is remembered');
  assert.equal(asked, 1);
  const second = createClient({ allowedPrivateHosts: ['rebinding.example'], lookUp });
  assert.equal(await codeOf(second.fetch(`http://rebinding.example:${web.port}/`)), 'address_refused');
});

test('localhost names are this machine without a name server, and allowed only where a pattern says so', async () => {
  const web = await serve((request, response) => response.end(request.headers.host));
  const lookUp = async () => assert.fail('a name server was asked');
  const client = createClient({ allowedPrivateHosts: [`*.localhost:${web.port}`], lookUp });
  assert.equal((await client.fetch(web.url('/', 'journal.localhost'))).body.toString(), `journal.localhost:${web.port}`);
  assert.equal(await codeOf(client.fetch(`http://localhost:${web.port}/`)), 'address_refused');
  assert.equal(await codeOf(client.fetch('http://journal.localhost:1/')), 'address_refused');
});

test('a redirect is followed, and refused where it leads inside', async () => {
  const web = await serve((request, response) => {
    const to = new URL(request.url ?? '', 'http://x').searchParams.get('to');
    if (to === null) response.end('arrived');
    else response.writeHead(302, { location: to }).end('moved');
  });
  const client = createClient();
  const target = web.url('/end', 'b.localhost');
  const found = await client.fetch(web.url(`/?to=${encodeURIComponent(target)}`));
  assert.deepEqual([found.url, found.redirects.length, found.body.toString()], [target, 1, 'arrived']);
  for (const inside of [`http://127.0.0.1:${web.port}/`, 'http://169.254.169.254/latest/', `http://[::1]:${web.port}/`, 'http://0x7f.1/']) {
    assert.equal(await codeOf(client.fetch(web.url(`/?to=${encodeURIComponent(inside)}`))), 'address_refused', inside);
  }
  assert.equal(await codeOf(client.fetch(web.url('/?to=file:///etc/passwd'))), 'unsupported_scheme');
});
