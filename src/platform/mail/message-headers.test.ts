import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHeaders } from './message-headers.ts';

const subjectOf = (...lines: (string | Buffer)[]) =>
  readHeaders(Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\r\n')])), ['subject']).get('subject');

test('a field is found whatever its case, and made whole where it was folded', () => {
  const raw = Buffer.from(
    'From: a@example.org\r\nSUBJECT:One\r\n two\r\n\tthree\r\nMessage-ID:\r\n <1@example.org>\r\n\r\nSubject: body\r\n',
  );
  assert.deepEqual(
    [...readHeaders(raw, ['subject', 'message-id', 'date'])],
    [
      ['subject', 'One two\tthree'],
      ['message-id', '<1@example.org>'],
    ],
  );
});

test('encoded words are decoded, in both encodings, and blanks between them are not text', () => {
  assert.equal(subjectOf('Subject: =?utf-8?B?0JLQvtC00L3QuA==?= =?UTF-8?q?_=D1=80?= plain'), 'Водни р plain');
  assert.equal(subjectOf('Subject: a =?iso-8859-1*en?Q?caf=E9?= b'), 'a café b');
  assert.equal(subjectOf('Subject: =?windows-1251?Q?=C2=EE=E4=E0?='), 'Вода');
});

test('a character that is cut between two words of one charset is whole again', () => {
  const bytes = Buffer.from('Водата');
  const word = (part: Buffer) => `=?utf-8?B?${part.toString('base64')}?=`;
  assert.equal(subjectOf(`Subject: ${word(bytes.subarray(0, 3))}`, ` ${word(bytes.subarray(3))}`), 'Водата');
});

test('what is broken is shown as well as it can be', () => {
  assert.equal(subjectOf('Subject: =?no-such-charset?Q?=41?='), 'A');
  assert.equal(subjectOf('Subject: =?utf-8?X?A?= stays'), '=?utf-8?X?A?= stays');
  assert.equal(subjectOf('Subject: сурови знаци'), 'сурови знаци');
  assert.equal(subjectOf('Subject:'), '');
  assert.equal(subjectOf('no colon at all', ': nameless', ''), undefined);
  assert.equal(subjectOf('Subject: one', 'Subject: two'), 'one');
});
