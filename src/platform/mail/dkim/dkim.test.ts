import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { dkimVerify } from 'mailauth';
import { systemClock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { composeMessage } from '../message-composer.ts';
import { mailTo } from '../testing/smtp.ts';
import { relaxBody, relaxHeader } from './canonical.ts';
import { generateDkimKey, isDkimName, loadDkimKeys, readDkimKey } from './dkim-keys.ts';
import { createDkimSigner } from './dkim-signer.ts';

const rsa = generateDkimKey('rsa');
const ed25519 = generateDkimKey('ed25519');
const records: Readonly<Record<string, string>> = {
  'r1._domainkey.aquascene.example': rsa.record,
  'e1._domainkey.aquascene.example': ed25519.record,
  'r1._domainkey.news.aquascene.example': rsa.record,
};
const keyOf = (selector: 'r1' | 'e1', domain = 'aquascene.example') => ({
  domain,
  selector,
  ...readDkimKey(selector === 'r1' ? rsa.pem : ed25519.pem),
});

async function resultsOf(message: Buffer): Promise<string[]> {
  const { results } = await dkimVerify(message, {
    resolver: async (name) => {
      const record = records[name];
      if (record === undefined) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' });
      return [[record]];
    },
  });
  return results.map(({ signingDomain, selector, status }) => `${selector}@${signingDomain} ${status.result}`);
}

const signWith = (...keys: Parameters<typeof createDkimSigner>[0]['keys']) => createDkimSigner({ keys, clock: systemClock });
const mail = mailTo('reader@example.org', {
  subject: 'Водни растения от тази седмица',
  text: 'Hello  there \n\n\n',
  html: '<p>\t two  blanks </p>\n\n',
  headers: { 'List-Unsubscribe': `<https://a.example/u/${'t'.repeat(100)}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
});

describe('a DKIM signature', () => {
  test('of RSA, of Ed25519 and of both is taken by a verifier', async () => {
    const message = composeMessage(mail);
    const both = await signWith(keyOf('r1'), keyOf('e1')).sign(message);
    assert.deepEqual(await resultsOf(both), ['r1@aquascene.example pass', 'e1@aquascene.example pass']);
    assert.deepEqual(await resultsOf(await signWith(keyOf('e1')).sign(message)), ['e1@aquascene.example pass']);
    assert.ok(both.subarray(-message.length).equals(message), 'the message itself stays as it is');
    for (const line of both.subarray(0, -message.length).toString('latin1').split('\r\n')) assert.match(line, /^[\x20-\x7e]{0,76}$/);
  });

  test('covers odd messages: no body, no line end, empty lines at the end, repeated headers, 8-bit text', async () => {
    const head = 'From: Digest <a@aquascene.example>\r\nTo: b@example.org\r\nX: y';
    const messages = [
      `${head}\r\n\r\n`,
      `${head}\r\n\r\n\r\n\r\n\r\n`,
      `${head}\r\n\r\n \t\r\n\t\r\n`,
      `${head}\r\n\r\nno line end`,
      `${head}\r\n\r\na \t b \r\n\tc\r\n\r\n\r\n`,
      `To: x@example.org\r\nSubject:  two\r\n\t lines \r\nsubject: twice\r\n${head}\r\n\r\nx\r\n`,
      `Subject: водни растения\r\n${head}\r\n\r\nрастения\r\n`,
    ];
    for (const message of messages) {
      const signed = await signWith(keyOf('r1'), keyOf('e1')).sign(Buffer.from(message));
      assert.deepEqual(await resultsOf(signed), ['r1@aquascene.example pass', 'e1@aquascene.example pass'], JSON.stringify(message));
    }
  });

  test('survives what relays may do, and breaks by what nobody may', async () => {
    const signed = (await signWith(keyOf('r1')).sign(composeMessage(mail))).toString('latin1');
    const check = async (changed: string) => {
      assert.notEqual(changed, signed);
      return (await resultsOf(Buffer.from(changed, 'latin1')))[0];
    };
    const pass = 'r1@aquascene.example pass';
    assert.equal(await check(`Received: from x\r\n${signed}\r\n\r\n`), pass);
    assert.equal(await check(signed.replace('\r\nTo: ', '\r\nTO:  ')), pass);
    assert.equal(await check(signed.replace('List-Unsubscribe:', 'X-Mailer: x\r\nList-Unsubscribe:')), pass);
    for (const added of ['From: <x@evil.example>', 'Subject: x', 'To: x@example.org', 'Cc: x@example.org', 'Reply-To: x@example.org']) {
      assert.notEqual(await check(`${added}\r\n${signed}`), pass, added);
    }
    assert.notEqual(await check(`List-Unsubscribe: <https://evil.example>\r\n${signed}`), pass);
    assert.notEqual(await check(signed.replace('Hello', 'Hallo')), pass);
    assert.notEqual(await check(signed.replace('One-Click', 'Two-Click')), pass);
  });

  test('is made by the keys of the From domain, else of the domain above; without either there is none', async () => {
    const signer = signWith(keyOf('r1'), keyOf('r1', 'news.aquascene.example'));
    const from = async (address: string) =>
      resultsOf(await signer.sign(composeMessage({ ...mail, from: { address, name: 'x@other.example' } })));
    assert.deepEqual(await from('a@news.aquascene.example'), ['r1@news.aquascene.example pass']);
    assert.deepEqual(await from('a@AquaScene.example'), ['r1@aquascene.example pass']);
    assert.deepEqual(await from('a@shop.aquascene.example'), ['r1@aquascene.example pass']);
    const message = composeMessage({ ...mail, from: { address: 'a@notaquascene.example' } });
    assert.equal(await signer.sign(message), message);
    assert.equal(await signWith().sign(message), message);
  });
});

test('the relaxed forms are those of RFC 6376, 3.4.5', () => {
  assert.equal(relaxHeader('A: X'), 'a:X');
  assert.equal(relaxHeader('B : Y\t\r\n\tZ  '), 'b:Y Z');
  assert.equal(relaxBody(Buffer.from(' C \r\nD \t E\r\n\r\n\r\n')).toString(), ' C\r\nD E\r\n');
  // RFC 6376, 3.4.4: the hash of an empty body.
  assert.equal(
    createHash('sha256')
      .update(relaxBody(Buffer.alloc(0)))
      .digest('base64'),
    '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  );
});

test('keys that cannot sign are named, each with its file, and nothing of them is told', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'dkim-'));
  try {
    const file = async (name: string, content: string) => {
      await writeFile(path.join(folder, name), content);
      return { domain: 'aquascene.example', selector: name, path: path.join(folder, name) };
    };
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const short = generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const files = [
      await file('good', ed25519.pem),
      await file('ec', ec),
      await file('short', short),
      await file('text', 'no key: 4711'),
      { domain: 'aquascene.example', selector: 'away', path: path.join(folder, 'away') },
    ];
    await assert.rejects(loadDkimKeys(files), (error: unknown) => {
      assert.ok(error instanceof AppError && error.code === 'invalid_dkim_key');
      assert.deepEqual(
        error.fields.map((field) => field.path),
        ['ec@aquascene.example', 'short@aquascene.example', 'text@aquascene.example', 'away@aquascene.example'],
      );
      assert.match(error.fields[1]?.message ?? '', /768 bits/);
      assert.match(error.fields[3]?.message ?? '', /ENOENT/);
      assert.ok(!JSON.stringify(error.fields).includes('4711'));
      return true;
    });
    assert.equal((await loadDkimKeys(files.slice(0, 1)))[0]?.algorithm, 'ed25519-sha256');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a name that cannot stand in the DNS is refused', () => {
  for (const name of ['s1', 'aquascene.example', '2026-11', 'a.b']) assert.ok(isDkimName(name), name);
  for (const name of ['', 'a b', 'A', '-a', 'a..b', 'a;b', 'a\r\nb', 'я', 'a_b', `${'x'.repeat(64)}`]) assert.ok(!isDkimName(name), name);
});
