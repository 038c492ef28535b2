import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simpleParser } from 'mailparser';
import { composeMessage } from './message-composer.ts';
import { encodeQuotedPrintable } from './quoted-printable.ts';
import { mailTo } from './testing/smtp.ts';

/** As RFC 2045 has it decoded, written without a look at the encoder. */
function decode(encoded: string): string {
  const bytes = encoded
    .replace(/[ \t]+(?=\r\n|$)/g, '')
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

const texts: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'plain words': 'Hello',
  'equals signs': 'a=b =3D =\n=',
  'blanks at the ends of lines': 'a \nb\t\nc  \n \n\t',
  'letters of many bytes': 'Водни растения 🌱 ½',
  'a line of many blanks': ' '.repeat(300),
  'lines about as long as they may be': [73, 74, 75, 76, 77, 150, 151, 152].map((length) => 'x'.repeat(length)).join('\n'),
  'a long line of what needs encoding': 'я'.repeat(500),
  'long lines that end in what needs encoding': [71, 72, 73, 74, 75].map((length) => `${'x'.repeat(length)}é`).join('\n'),
  'lines that begin with a dot': '.\n..\n.a',
  'control characters': '\u0000\u0001\u007f\u001b',
};

describe('quoted-printable', () => {
  for (const [name, text] of Object.entries(texts)) {
    test(`carries ${name}`, () => {
      const encoded = encodeQuotedPrintable(text).toString('latin1');
      assert.equal(decode(encoded).replaceAll('\r\n', '\n'), text);
      for (const line of encoded.split('\r\n')) {
        assert.ok(line.length <= 76, line);
        assert.match(line, /^(?:.*[!-~])?$/, 'no line ends in a blank');
      }
      assert.match(encoded, /^[\t\r\n\x20-\x7e]*$/);
    });
  }

  test('begins no line with what a mail server or a mailbox would change', () => {
    const text = ['.', '.a', 'From here', `${'x'.repeat(75)}.${'y'.repeat(74)}From there`].join('\n');
    const encoded = encodeQuotedPrintable(text).toString();
    assert.doesNotMatch(encoded, /^(?:\.|From )/m);
    assert.equal(decode(encoded).replaceAll('\r\n', '\n'), text);
  });

  test('makes every line end a CRLF', () => {
    assert.equal(encodeQuotedPrintable('a\nb\rc\r\nd\r\r\n').toString(), 'a\r\nb\r\nc\r\nd\r\n\r\n');
  });

  test('keeps texts apart that are encoded one after another', () => {
    const [long, short] = [encodeQuotedPrintable('a'.repeat(1000)), encodeQuotedPrintable('b')];
    assert.deepEqual([long.toString().replaceAll('=\r\n', ''), short.toString()], ['a'.repeat(1000), 'b']);
  });
});

describe('a message', () => {
  test('reads as it was written', async () => {
    const mail = mailTo('ада@xn--90ae', {
      from: { address: 'news@example.org', name: 'Aqua, "the" Scene; Ünïted' },
      to: { address: 'reader@example.org', name: 'Зоя Петрова-Александрова, която живее на дълга улица в Стара Загора' },
      subject: `Водни растения: ${'дълга тема '.repeat(20)}=?utf-8?Q?raw?=`.trim(),
      html: `<p style="a:b">${'Ж'.repeat(3000)}</p>\n`,
      text: ' first\n.dot\nlast ',
      messageId: `<${'a'.repeat(22)}.${'b'.repeat(22)}@news.example.org>`,
      headers: { 'List-Unsubscribe': `<https://example.org/unsubscribe/${'t'.repeat(90)}>`, 'List-Id': 'Вести <news.example.org>' },
    });
    const raw = composeMessage(mail);
    for (const line of raw.toString('latin1').split('\r\n')) assert.ok(line.length <= 130 && /^[\t\x20-\x7e]*$/.test(line), line);
    const read = await simpleParser(raw);
    assert.equal(read.subject, mail.subject);
    assert.deepEqual(read.from?.value, [{ ...mail.from }]);
    assert.deepEqual(Array.isArray(read.to) ? undefined : read.to?.value, [{ ...mail.to }]);
    assert.equal(read.messageId, mail.messageId);
    assert.deepEqual(read.date, mail.date);
    assert.equal(read.html, mail.html);
    assert.equal(read.text, mail.text);
    const lineOf = (name: string) => read.headerLines.find(({ key }) => key === name)?.line.replace(/\r\n(?=[ \t])/g, '');
    assert.equal(lineOf('list-unsubscribe'), `List-Unsubscribe: ${mail.headers['List-Unsubscribe']}`);
    assert.equal(lineOf('message-id'), `Message-ID: ${mail.messageId}`);
  });

  test('with what looks like a boundary or a header in its parts stays in its parts', async () => {
    const { html: first } = await simpleParser(composeMessage(mailTo('a@example.org')));
    assert.equal(first, '<p>Hello</p>');
    const raw = composeMessage(mailTo('a@example.org')).toString();
    const boundary = /boundary="(.*)"/.exec(raw)?.[1] ?? '';
    const read = await simpleParser(
      composeMessage(mailTo('a@example.org', { text: `\n--${boundary}--\n\nSubject: x\n`, html: '<p>whole</p>' })),
    );
    assert.equal(read.text, `\n--${boundary}--\n\nSubject: x\n`);
    assert.equal(read.html, '<p>whole</p>');
  });
});
