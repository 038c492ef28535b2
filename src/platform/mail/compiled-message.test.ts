import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simpleParser } from 'mailparser';
import { AppError } from '#shared/errors';
import { compileMessage, type MessageFill, type MessageTemplate, type TemplatePart } from './index.ts';
import { composeMessage } from './message-composer.ts';

const template: MessageTemplate = {
  from: { address: 'news@example.org', name: 'Digest' },
  subject: ['Plants for ', { slot: 0 }],
  text: ['Hello ', { slot: 0 }, '!\n', { slot: 1 }, '\nBye\n'],
  html: ['<p>Hello ', { slot: 0 }, '</p><a href="', { slot: 1 }, '">x</a>'],
  headers: { 'List-Id': '<news.example.org>' },
};
const fill: MessageFill = {
  to: { address: 'reader@example.org', name: 'Зоя' },
  messageId: '<1@example.org>',
  date: new Date('2026-11-01T10:00:00Z'),
  values: ['Зоя', 'https://example.org/?a=b'],
  headers: { 'List-Unsubscribe': '<https://example.org/u/1>' },
};

/** Always the same numbers: a failure can be seen again. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const odd = [
  '',
  ' ',
  '  ',
  '\t',
  '.',
  '..',
  '\n.',
  '\r',
  '\n',
  '\r\n',
  '=',
  '=\n',
  '=20',
  '=_',
  '--',
  'From ',
  '\nFrom ',
  'я',
  '🌱',
  'é',
  '½',
  '\u2028',
].concat([
  'a',
  'word',
  'x'.repeat(80),
  'я'.repeat(50),
  ' '.repeat(90),
  '<p>&amp;</p>',
  'https://example.org/?a=b&c=d',
  '\u0000',
  '\u001b',
  '\ufeff',
]);

const oddText = (random: (below: number) => number) => Array.from({ length: random(9) }, () => odd[random(odd.length)] ?? '').join('');

const oddParts = (random: (below: number) => number, slots: number): TemplatePart[] =>
  Array.from({ length: random(9) }, () => (random(2) === 0 ? { slot: random(slots) } : oddText(random)));

const join = (parts: readonly TemplatePart[], values: readonly string[]) =>
  parts.map((part) => (typeof part === 'string' ? part : values[part.slot])).join('');

function assertOnTheWire(raw: Buffer): void {
  const text = raw.toString('latin1');
  assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n/, 'CRLF only');
  assert.ok(text.endsWith('\r\n'));
  for (const line of text.split('\r\n')) assert.match(line, /^(?!\.)[\t\x20-\x7e]{0,76}$/, JSON.stringify(line));
}

/** As RFC 2045 has it decoded, written without a look at the encoder. */
function decodePart(part: string): string {
  const bytes = part.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** The bodies of both parts, decoded. */
function partsOf(raw: Buffer): string[] {
  const text = raw.toString('latin1');
  const boundary = /boundary="(.*)"/.exec(text)?.[1] ?? '';
  const parts = text.split(`\r\n--${boundary}`);
  assert.equal(parts.length, 4, 'the boundary stands where it should and nowhere else');
  return parts.slice(1, 3).map((part) => decodePart(part.slice(part.indexOf('\r\n\r\n') + 4)));
}

const wireText = (text: string) => text.replace(/\r\n|\r|\n/g, '\r\n');

describe('a compiled message', () => {
  test('reads as its template filled, whatever stands on either side of a slot', async () => {
    for (let seed = 1; seed <= 400; seed += 1) {
      const random = createRandom(seed);
      const values = Array.from({ length: 4 }, () => oddText(random));
      const [text, html] = [oddParts(random, 4), oddParts(random, 4)];
      const raw = compileMessage({ ...template, subject: ['x'], text, html }).write({ ...fill, values });
      assertOnTheWire(raw);
      assert.deepEqual(partsOf(raw), [wireText(join(text, values)), wireText(join(html, values))], `seed ${seed}`);
    }
  });

  test('is read by a parser exactly as it was put in, and as the same mail composed whole', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = createRandom(seed * 7919);
      const values = Array.from({ length: 4 }, () => oddText(random).replace(/[\r\0]/g, ''));
      const subject = ['Тема: ', { slot: 0 }, ` ${oddText(random).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '')}`];
      const [text, html] = [oddParts(random, 4), oddParts(random, 4)].map((parts) =>
        ['<b>', ...parts].map((part) => (typeof part === 'string' ? part.replace(/[\r\0]/g, '') : part)),
      ) as [TemplatePart[], TemplatePart[]];
      const raw = compileMessage({ ...template, subject, text, html }).write({ ...fill, values });
      const [read, whole] = await Promise.all([
        simpleParser(raw),
        simpleParser(
          composeMessage({
            ...fill,
            from: template.from,
            subject: subjectOf(subject, values),
            text: join(text, values),
            html: join(html, values),
            headers: { ...template.headers, ...fill.headers },
          }),
        ),
      ]);
      assert.equal(read.text, join(text, values), `seed ${seed}`);
      assert.equal(read.html, join(html, values), `seed ${seed}`);
      assert.equal(read.subject, subjectOf(subject, values), `seed ${seed}`);
      assert.deepEqual([whole.text, whole.html, whole.subject], [read.text, read.html, read.subject]);
      assert.deepEqual([whole.headers.get('list'), whole.from, whole.to], [read.headers.get('list'), read.from, read.to]);
    }
  });

  test('keeps messages apart that are written one after another', () => {
    const message = compileMessage(template);
    const first = message.write(fill);
    const copy = Buffer.from(first);
    message.write({ ...fill, values: ['a'.repeat(100_000), 'b'] });
    assert.deepEqual(first, copy);
    assert.deepEqual(message.write(fill), copy);
  });

  test('without HTML is plain text alone', async () => {
    const raw = compileMessage({ ...template, html: null }).write(fill);
    assertOnTheWire(raw);
    const read = await simpleParser(raw);
    assert.equal(read.html, false);
    assert.equal(read.text, 'Hello Зоя!\nhttps://example.org/?a=b\nBye\n');
    assertOnTheWire(compileMessage({ ...template, text: ['no line end'], html: null }).write(fill));
  });

  test('carries names, addresses and headers of any script and length', async () => {
    const names = [
      'Zoe',
      'Zoe B. Smith',
      'a "b" \\ c',
      'blanks  inside',
      'Зоя Петрова-Александрова '.repeat(4).trim(),
      '=?utf-8?Q?x?=',
      'x'.repeat(300),
    ];
    for (const name of names) {
      const raw = compileMessage({ ...template, from: { address: 'news@example.org', name } }).write({
        ...fill,
        to: { address: 'a@b.org', name },
      });
      assertOnTheWire(raw);
      const { from, to } = await simpleParser(raw);
      assert.deepEqual(
        [from?.value, Array.isArray(to) ? [] : to?.value],
        [[{ address: 'news@example.org', name }], [{ address: 'a@b.org', name }]],
      );
    }
    const { to } = await simpleParser(compileMessage(template).write({ ...fill, to: { address: 'зоя@example.org' } }));
    assert.deepEqual(Array.isArray(to) ? [] : to?.value, [{ address: 'зоя@example.org', name: '' }]);
  });

  test('keeps a long link in a header whole', () => {
    const link = `<https://example.org/u/${'t'.repeat(200)}>`;
    const raw = compileMessage(template).write({ ...fill, headers: { 'List-Unsubscribe': link, 'X-Words': 'word '.repeat(40).trim() } });
    assert.ok(raw.includes(`\r\nList-Unsubscribe:\r\n ${link}\r\n`));
    assert.match(raw.toString(), /\r\nX-Words: (?:word ){12}word\r\n word /);
  });

  test('lets no value begin a header or a part of its own', async () => {
    const isInvalid = (error: unknown) => error instanceof AppError && error.code === 'invalid_request';
    const message = compileMessage(template);
    for (const bad of ['\r\nBcc: victim@example.org', '\n', '\r', '\u0000', '\u007f']) {
      const fills: Partial<MessageFill>[] = [
        { to: { address: `a@example.org${bad}` } },
        { to: { address: 'a@example.org', name: `x${bad}` } },
        { messageId: `<1@example.org>${bad}` },
        { headers: { 'X-Test': `x${bad}` } },
        { headers: { [`X-Test${bad}`]: 'x' } },
      ];
      for (const part of fills) assert.throws(() => message.write({ ...fill, ...part }), isInvalid, JSON.stringify(part));
      const read = await simpleParser(message.write({ ...fill, values: [`x${bad}y`, 'z'] }));
      assert.equal(read.subject, `Plants for x ${bad.replace(/\p{Cc}+/gu, '')}y`);
      assert.equal(read.headers.has('bcc'), false);
      assert.throws(() => compileMessage({ ...template, subject: [`x${bad}`] }), isInvalid);
      assert.throws(() => compileMessage({ ...template, headers: { 'X-Test': bad } }), isInvalid);
      assert.throws(() => compileMessage({ ...template, from: { address: 'a@example.org', name: bad } }), isInvalid);
    }
    for (const headers of [{ Subject: 'x' }, { 'list-id': 'x' }, { 'X:Y': 'x' }, { '': 'x' }, { 'X-Long': 'x'.repeat(1000) }]) {
      assert.throws(() => message.write({ ...fill, headers }), isInvalid, JSON.stringify(headers));
    }
    assert.throws(() => message.write({ ...fill, to: { address: 'a@example.org>, <b@example.org' } }), isInvalid);
    assert.throws(() => message.write({ ...fill, values: ['only one'] }), isInvalid, 'a value is missing');
  });
});

function subjectOf(parts: readonly TemplatePart[], values: readonly string[]): string {
  return join(parts, values)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}
