import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signToken } from '#shared/signing';
import { createTrackingTokens } from './tracking-token.ts';

const secret = 'a secret of the tests';
const tokens = createTrackingTokens(secret);
const recipient = {
  issueId: '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000',
  subscriberId: '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001',
  variant: 3,
};
const linkCount = 200;
const signed = tokens.sign(recipient, linkCount);

test('a token gives back what it was signed for and fits a path parameter', () => {
  assert.deepEqual(tokens.readOpen(signed.open), recipient);
  assert.deepEqual(tokens.readClick(signed.honeypot), { ...recipient, link: 'honeypot' });
  for (const link of [0, 1, 61, 62, 63, 126, 127, 199]) {
    assert.deepEqual(tokens.readClick(signed.click(link)), { ...recipient, link }, String(link));
    assert.match(signed.click(link), /^[\w.-]{60,99}$/);
  }
});

test('an anonymous token names no subscriber and is the same for everybody', () => {
  const anonymous = { ...recipient, subscriberId: null };
  const { open, click } = tokens.sign(anonymous, 2);
  assert.deepEqual(tokens.readOpen(open), anonymous);
  assert.deepEqual(tokens.readClick(click(1)), { ...anonymous, link: 1 });
  assert.equal(createTrackingTokens(secret).sign(anonymous, 1).open, open);
});

test('the tag of a link does not depend on how many links are signed, and differs from link to link', () => {
  assert.equal(tokens.sign(recipient, 3).click(2), signed.click(2));
  const tags = Array.from({ length: linkCount }, (_, link) => signed.click(link).split('.')[2]);
  assert.equal(new Set([...tags, signed.open.split('.')[2], signed.honeypot.split('.')[2]]).size, linkCount + 2);
});

test('a token of another purpose, secret, person, link or hand is refused', () => {
  const click = signed.click(1);
  const [ids = '', , tag = ''] = click.split('.');
  const other = tokens.sign({ ...recipient, subscriberId: recipient.issueId }, 2).click(1);
  assert.equal(tokens.readClick(signed.open), undefined);
  assert.equal(tokens.readOpen(click), undefined);
  assert.equal(tokens.readOpen(signed.honeypot), undefined);
  assert.equal(createTrackingTokens('another').readClick(click), undefined);
  const forgeries = [
    ...['', '.', '..', 'x.y', 'x.y.z', `${click}x`, `${click}.`, ` ${click}`, `${click}\n`, click.replace(/^./, 'z')],
    ...[`${ids}.2.${tag}`, `${ids}.01.${tag}`, `${ids}.h.${tag}`, `${ids}.-1.${tag}`, `${ids}.10000.${tag}`, `${ids}.1.${'A'.repeat(16)}`],
    ...[`${other.split('.')[0]}.1.${tag}`, `${ids.slice(0, 23)}.1.${tag}`, click.toUpperCase(), `${ids}.1.${tag.slice(0, 15)}`],
  ];
  for (const forged of forgeries) {
    assert.equal(tokens.readClick(forged), undefined, forged);
    assert.equal(tokens.readOpen(forged), undefined, forged);
  }
});

test('every single bit of a token counts', () => {
  const click = tokens.sign({ ...recipient, subscriberId: null }, 2).click(1);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let index = 0; index < click.length; index += 1) {
    const at = alphabet.indexOf(click.charAt(index));
    for (let bit = 0; at >= 0 && bit < 6; bit += 1) {
      const flipped = alphabet.charAt(at ^ (1 << bit));
      const forged = click.slice(0, index) + flipped + click.slice(index + 1);
      assert.equal(tokens.readClick(forged), undefined, forged);
    }
  }
});

test('tokens in mails of the time before are still good', () => {
  const pack = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
  const ids = `${pack(recipient.issueId)}.${pack(recipient.subscriberId)}`;
  assert.deepEqual(tokens.readOpen(signToken(secret, 'email-open', ids)), { ...recipient, variant: 0 });
  assert.deepEqual(tokens.readClick(signToken(secret, 'email-click', `${ids}.999`)), { ...recipient, variant: 0, link: 999 });
  for (const payload of [ids, `${ids}.-1`, `${ids}.1.5`.replace('.1.5', '.x'), 'x.y.1']) {
    const token = signToken(secret, 'email-click', payload);
    if (payload === ids) assert.equal(tokens.readOpen(token), undefined);
    else assert.equal(tokens.readClick(token), undefined, payload);
  }
});
