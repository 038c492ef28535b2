import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { followRedirect, type Hop, parseUrl } from './redirect.ts';

const headers = new Map([
  ['accept', '*/*'],
  ['authorization', 'Bearer x'],
  ['cookie', 'a=b'],
  ['content-type', 'text/plain'],
]);
const hopOf = (method: string, url = 'http://a.example/dir/page?x=1'): Hop => ({ url: new URL(url), method, headers, body: 'text' });

test('the method and the body follow the status', () => {
  const cases: [number, string, string][] = [
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [301, 'PUT', 'PUT'],
    [303, 'HEAD', 'HEAD'],
    [302, 'HEAD', 'HEAD'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
  ];
  for (const [status, method, expected] of cases) {
    const next = followRedirect(hopOf(method), status, '/next');
    assert.equal(next.method, expected, `${status} ${method}`);
    const keepsBody = expected === method;
    assert.equal(next.body, keepsBody ? 'text' : undefined);
    assert.equal(next.headers.has('content-type'), keepsBody);
  }
});

test('credentials do not leave their origin', () => {
  const names = (location: string) => [...followRedirect(hopOf('GET'), 302, location).headers.keys()];
  assert.ok(names('/same').includes('authorization'));
  for (const other of ['http://b.example/', 'https://a.example/', 'http://a.example:81/']) {
    assert.deepEqual(names(other), ['accept', 'content-type'], other);
  }
});

test('a location is read as servers write it: relative, scheme-relative, UTF-8', () => {
  const to = (location: string) => followRedirect(hopOf('GET'), 302, location).url.href;
  assert.equal(to('other'), 'http://a.example/dir/other');
  assert.equal(to('?y=2'), 'http://a.example/dir/page?y=2');
  assert.equal(to('//b.example/p#fragment'), 'http://b.example/p');
  assert.equal(to('http://user:secret@b.example/'), 'http://b.example/');
  // Headers arrive as Latin-1.
  assert.equal(to(Buffer.from('/водни').toString('latin1')), 'http://a.example/%D0%B2%D0%BE%D0%B4%D0%BD%D0%B8');
  assert.equal(to('/caf\u00e9'), 'http://a.example/caf%C3%A9');
});

test('a redirect leads to http and https only, and to an address', () => {
  const codeOf = (location: string) => {
    try {
      followRedirect(hopOf('GET'), 302, location);
    } catch (error) {
      return error instanceof AppError ? error.code : String(error);
    }
    return 'followed';
  };
  for (const location of ['file:///etc/passwd', 'javascript:alert(1)', 'data:text/html,x', 'ftp://a.example/', 'gopher://a.example/']) {
    assert.equal(codeOf(location), 'unsupported_scheme', location);
  }
  for (const location of ['http://', 'http://a b/', 'http://[::1/', 'http://256.256.256.256/']) {
    assert.equal(codeOf(location), 'response_invalid', location);
  }
});

test('an address loses its credentials and fragment before it is fetched', () => {
  assert.equal(parseUrl('http://user:secret@a.example/x#y').href, 'http://a.example/x');
  assert.throws(() => parseUrl('not an address'), { code: 'invalid_url' });
  assert.throws(() => parseUrl('/relative'), { code: 'invalid_url' });
  assert.throws(() => parseUrl('file:///etc/passwd'), { code: 'unsupported_scheme' });
});
