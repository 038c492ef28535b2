import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRecipientTemplate, joinParts, type RecipientValues } from './recipient-template.ts';
import { recipientHtmlEngine, recipientTextEngine } from './template-engine.ts';

const readers: readonly RecipientValues[] = [null, 'Ana <b>', '{{ links }} & "co"'].map((name, number) => ({
  name,
  email: `reader${number}@example.org`,
  language: 'en',
  country: number === 0 ? null : 'BG',
  timezone: null,
  tags: number === 0 ? [] : ['shrimp', 'moss & fern'],
  topics: [],
  fields: number === 0 ? {} : { tank_litres: 60 * number, note: 'a < b' },
  format: 'html',
  segments: number === 1 ? ['s1'] : [],
  unsubscribeUrl: `https://news.example/unsubscribe/t${number}?a=1&b=2`,
  preferencesUrl: `https://news.example/preferences/t${number}`,
  openUrl: `https://news.example/t/o/${number}.gif`,
  links: [`https://news.example/t/c/${number}-0`, `https://news.example/t/c/${number}-1`],
  variables: { cta: 'Read "on"' },
}));

const scopeOf = ({ unsubscribeUrl, preferencesUrl, openUrl, ...values }: RecipientValues, unset: object) => ({
  ...values,
  unsubscribe_url: unsubscribeUrl,
  preferences_url: preferencesUrl,
  open_url: openUrl,
  honeypot_url: '',
  fields: { ...unset, ...values.fields },
});

const templates = [
  '',
  'nothing that differs',
  'Hello {{ name }}, {{name}} and {{- name -}} !',
  'Hello {{ name | default: "reader" }}',
  '{% if name %}Hello {{ name }},{% else %}Hello,{% endif %} read {{ links[0] }} and {{ links[1] }}, {{ links[0] }} again',
  '{% if segments contains "s1" %}for s1 {{ links[1] }}{% endif %}{% unless country %}where are you?{% endunless %}',
  '{% for tag in tags %}{{ forloop.index }} {{ tag }}, {% else %}no tags{% endfor %}{{ tags.size }}',
  '{% assign greeting = name | default: "you" %}a {{ greeting }} b {{ name }} c {{ greeting | upcase }}',
  '{% assign name = "other" %}{{ name }} {{ email }}',
  'a {% if country %}{% assign place = country %}{% else %}{% assign place = "nowhere" %}{% endif %} in {{ place }}',
  '{% capture x %}{{ name }}!{% endcapture %}{{ x }}{{ x }}',
  '{% increment n %} {% increment n %} {% cycle "a", "b" %} {% cycle "a", "b" %} {% cycle "a", "b" %}',
  'before {% break %} after {{ name }}',
  '{% for tag in tags %}{% if tag == "shrimp" %}{% continue %}{% endif %}{{ tag }}{% endfor %} end',
  '{% liquid assign a = name\n echo a %} x {{ a }}',
  'a {% if name %}{% endif %}{% if country %} in {{ country }} {{ name }}{% endif %}{% if name %}a{% else %}{{ email }} b{% endif %}',
  '{% if tags %}tags{% endif %}{% if name %}\n{{ name }}\n{% endif %}\n{% if name %}{{ name | upcase }}{% endif %}x{% if name -%} y {%- endif %}',
  '  {%- if name -%}  x  {%- endif -%}  y {{- email }} ',
  '{% comment %}{{ nothing }}{% endcomment %}a{% raw %}{{ raw }}{% endraw %}b{{ "{" }}{{ email }}',
  '{% case country %}{% when "BG" %}Здравей{% else %}Hello{% endcase %} {{ fields.tank_litres }} {{ fields.note | upcase }} {{ fields["note"] }}',
  '{{ name }}{{ email }}{% if country %}x{% endif %}{{ name }}{% if country %}y{% endif %}{% if name %}z{% endif %}',
  '{{ variables.cta }} {{ variables["cta"] | escape }} {{ unsubscribe_url }} {{ preferences_url }} {{ open_url }} {{ format }} {{ language }}',
  '{% tablerow tag in tags cols: 1 %}{{ tag }}{% endtablerow %} {{ name | raw }} {{ tags | join: ", " }} {{ tags }}',
];

describe('a compiled template gives each recipient what the engine gives', () => {
  for (const source of templates) {
    test(JSON.stringify(source), () => {
      const compiled = compileRecipientTemplate({ subject: source, text: source, html: source });
      for (const reader of readers) {
        const filled = compiled.fill(reader);
        assert.equal(filled.length, compiled.slotCount);
        // A scope each: `increment` writes into it.
        const scope = () => scopeOf(reader, { tank_litres: null, note: null });
        assert.equal(joinParts(compiled.html, filled), recipientHtmlEngine.parseAndRenderSync(source, scope()));
        assert.equal(joinParts(compiled.text, filled), recipientTextEngine.parseAndRenderSync(source, scope()));
      }
    });
  }
});

test('what is alike for all is static, and one place that returns is one slot', () => {
  const { html, slotCount } = compileRecipientTemplate({
    subject: 'plain',
    text: '',
    html: '<p>{{ links[3] }}</p><p>{{links[3]}}</p>{% if name %}x{% endif %}{% if country %}y{% endif %}',
  });
  assert.deepEqual(html, ['<p>', { slot: 0 }, '</p><p>', { slot: 0 }, '</p>', { slot: 1 }, { slot: 2 }]);
  assert.equal(slotCount, 3);
});

test('a subject stays one line whatever a reader is called, has as a field, or a template writes', () => {
  const compiled = compileRecipientTemplate({
    subject: 'For {{ name }} {{ fields.note }}{% if true %}\r\nX: 1{% endif %}',
    text: '',
    html: '',
  });
  const [reader] = readers;
  assert.ok(reader !== undefined);
  const filled = compiled.fill({ ...reader, name: 'A\r\nBcc: x@y.z', fields: { note: 'b\nc\u0000' } });
  assert.equal(joinParts(compiled.subject, filled), 'For A Bcc: x@y.z b c  X: 1');
});

describe('what a template may not do', () => {
  const [reader] = readers;
  const faults: readonly (readonly [string, RegExp])[] = [
    ['a\n{{ nmae }}', /^html, line 2: undefined variable: nmae/],
    ['{% if country %}{% else %}{{ links[9] }}{% endif %}', /^html, line 1: undefined variable: links/],
    ['{{ name', /^html, line 1: /],
    ['{{ tags.constructor }}', /^html, line 1: /],
    ['{% for a in (1..1000) %}{% for b in (1..1000) %}{% endfor %}{% endfor %}', /^html, line 1: .*more than 5000 steps/],
    ['{% for a in (1..1000000000) %}x{% endfor %}', /^html, line 1: .*limit exceeded/],
    [
      '{% assign a = "0123456789" %}{% for b in (1..30) %}{% assign a = a | append: a %}{% endfor %}{{ a }}',
      /^html, line 1: .*limit exceeded/,
    ],
    [
      '{% assign a = "xxxxxxxxxx" %}{% for b in (1..14) %}{% assign a = a | append: a %}{% endfor %}{% for b in (1..9) %}{{ a }}{% endfor %}',
      /^html, line 1: .*more than 524288 characters/,
    ],
    ['{% include "/etc/passwd" %}', /^html, line 1: /],
  ];
  for (const [source, expected] of faults) {
    test(source, () => {
      assert.ok(reader !== undefined);
      assert.throws(
        () => compileRecipientTemplate({ subject: '', text: '', html: source }).fill(reader),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'template_faulty');
          assert.match(error.message, expected);
          return true;
        },
      );
    });
  }
});
