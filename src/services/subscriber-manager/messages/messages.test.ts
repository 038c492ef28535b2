import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  catalogues,
  createTranslate,
  findPageLanguage,
  formatDay,
  type MessageKey,
  pageLanguages,
  readAcceptLanguage,
} from './messages.ts';

const keysOf = (messages: object) => Object.keys(messages) as MessageKey[];
const argumentsOf = (message: string) => [...message.matchAll(/\{(\w+)[,}]/g)].map(([, name]) => name ?? '').filter((name) => name !== '');

test('each language has the same messages, and each names the same values', () => {
  for (const language of pageLanguages) {
    assert.deepEqual(keysOf(catalogues[language]).sort(), keysOf(catalogues.en).sort(), language);
    for (const key of keysOf(catalogues.en)) {
      const [own, english] = [catalogues[language][key], catalogues.en[key]].map((message) => [...new Set(argumentsOf(message))].sort());
      assert.deepEqual(own, english, `${language} ${key}`);
    }
  }
});

test('every message can be formatted, and leaves no brace behind', () => {
  const values = {
    site: 'Greenwater & <b>',
    email: 'a…@example.org',
    label: 'x',
    url: 'https://example.org',
    date: 'today',
    count: 2,
    max: 2000,
    days: 30,
    hours: 24,
  };
  for (const language of pageLanguages) {
    const t = createTranslate(language);
    for (const key of keysOf(catalogues.en)) {
      const text = t(key, values);
      assert.ok(text.length > 0 && !/[{}#]/.test(text), `${language} ${key}: ${text}`);
    }
  }
  assert.equal(createTranslate('en')('fault.title', { count: 1 }), 'One field needs another look');
  assert.equal(createTranslate('bg')('pause.text', { days: 30 }), 'Без бюлетини 30 дни; после идват отново сами.');
  assert.equal(formatDay('hu', new Date('2026-05-01T22:30:00Z'), 'Europe/Budapest'), '2026. május 2.');
});

test('the language: the first that there are pages in, by what the browser prefers', () => {
  assert.equal(findPageLanguage(undefined, 'de', 'bg-BG', 'hu'), 'bg');
  assert.equal(findPageLanguage('de'), undefined);
  assert.deepEqual(readAcceptLanguage('de;q=0.3, hu, en-GB;q=0.8, *;q=0.1'), ['hu', 'en-GB', 'de']);
  for (const header of [undefined, '', ';;;', 'q=1', '<script>', 'en;q=2', 'x'.repeat(100_000)])
    assert.deepEqual(readAcceptLanguage(header), []);
});
