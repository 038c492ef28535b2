import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readName } from './byline.ts';
import { findDate, readMachineDate } from './date-reading.ts';
import { extractPage } from './extract-page.ts';
import { withoutSiteName } from './metadata.ts';

const now = new Date('2026-11-24T12:00:00Z');
const url = 'https://example.com/guides/moss?page=1';
const sentence = 'Moss grows slowly on wood and stone, and it asks for little more than clean water and some light. ';
const prose = `<p>${sentence.repeat(3)}</p><p>${sentence.replaceAll('Moss', 'Fern').repeat(3)}</p>`;
const extract = (body: string, head = '', address = url) =>
  extractPage({ html: `<html lang="en"><head>${head}</head><body>${body}</body></html>`, url: address, now });

describe('the text of a page', () => {
  test('is what it is about, without the site around it', () => {
    const { text } = extract(`
      <header><nav><ul><li><a href="/">Home</a><li><a href="/shop">Shop</a></ul></nav></header>
      <div class="cookie-banner"><p>This site uses cookies to count its visitors.</p></div>
      <div class="layout"><div class="post"><h1>On moss</h1><p class="byline">By Ann Lee, 4 March 2026</p>${prose}
        <div class="ad-slot"><p>Advertisement: buy two nets and get one free, this week only.</p></div>
        <div class="share-bar"><a href="#">Tweet</a> <a href="#">Mail</a></div></div>
        <div class="related"><h3>Read next</h3><ul><li><a href="/a">Ten ferns that grow on stones</a></ul></div>
        <div id="comments"><p>Great article, thanks a lot for writing it down so clearly!</p></div>
        <aside><p>Subscribe to our newsletter and never miss an issue again.</p></aside></div>
      <footer><p>© 2026 Example. All rights reserved.</p></footer>`);
    assert.equal(text, `${sentence.repeat(3).trim()}\n\n${sentence.replaceAll('Moss', 'Fern').repeat(3).trim()}`);
  });

  test('of a discussion is all its posts, without their furniture and what they repeat of one another', () => {
    const post = (
      name: string,
      body: string,
    ) => `<div class="post"><div class="userbox"><b class="username">${name}</b> Joined: May 2020</div>
      <div class="postdate">Posted 3 June 2026, 18:12</div><div class="content">${body}</div><div class="signature">More bubbles, more fun, more often than not</div></div>`;
    const question = 'How long does a java moss take to attach itself to a piece of wood in soft water?';
    const { text, author, publishedAt } = extract(
      post('LenaAqua', `<p>${question} ${sentence}</p>`) +
        post(
          'Fred',
          `<blockquote><cite>LenaAqua wrote:</cite> ${question}</blockquote><p>About six weeks, in my experience, if it is tied down well at first.</p>`,
        ) +
        post('Tina', '<p>It never attaches itself at all, unlike Christmas moss; keep the thread on it.</p>'),
      '',
      'https://example.com/forum/thread-12-moss',
    );
    assert.equal(text.split('How long does a java moss').length, 2, 'the quoted question stands once');
    assert.match(text, /About six weeks/);
    assert.match(text, /It never attaches itself/);
    assert.doesNotMatch(text, /More bubbles|Joined/);
    assert.equal(author, 'LenaAqua');
    assert.equal(publishedAt?.toISOString().slice(0, 10), '2026-06-03');
  });

  test('of a product is its description and data, without the reviews', () => {
    const { text, author } = extract(
      `<h1>Regulator DS-2</h1><section class="desc">${prose}</section><table><tr><th>Stages</th><td>2</td></tr></table>
       <section class="reviews"><div class="review"><b>Marek</b><p>The best regulator that I have had so far, it never moved.</p></div></section>`,
      '<meta property="og:type" content="product">',
    );
    assert.match(text, /Stages: 2/);
    assert.doesNotMatch(text, /best regulator/);
    assert.equal(author, null);
  });

  test('is found in what is shown without scripts, or in the structured data, where the page itself has none', () => {
    const noscript = extract(`<div id="app"></div><noscript><main>${prose}</main></noscript>`);
    assert.match(noscript.text, /^Moss grows slowly/);
    const data = JSON.stringify({ '@type': 'Article', headline: 'On moss', articleBody: `${sentence.repeat(3)}\n${sentence}` });
    const structured = extract('<div id="app">Loading</div>', `<script type="application/ld+json">${data}</script>`);
    assert.match(structured.text, /^Moss grows slowly/);
    const both = extract(`${prose}<noscript><p>${'Please enable scripts to see this page. '.repeat(3)}</p></noscript>`);
    assert.doesNotMatch(both.text, /enable scripts/);
  });

  test('is found in divs, in tables and in parts that open on a click', () => {
    assert.match(extract(`<div>${sentence.repeat(4)}</div>`).text, /^Moss grows/);
    assert.match(extract(`<table><tr><td><a href="/">Home</a></td><td>${prose}</td></tr></table>`).text, /^Moss grows/);
    assert.match(
      extract(
        `${prose}<div class="accordion" style="display:none"><p>${'Hidden answers are text as well, as soon as somebody asks. '.repeat(4)}</p></div>`,
      ).text,
      /Hidden answers/,
    );
  });
});

describe('what a page says of itself', () => {
  test('structured data, also through references, comes first', () => {
    const graph = {
      '@graph': [
        { '@type': 'WebSite', name: 'Moss Journal' },
        { '@type': 'Person', '@id': '#ann', name: 'Ann Lee' },
        { '@type': ['Article', 'Thing'], headline: 'On moss', author: { '@id': '#ann' }, datePublished: '2026-03-04T10:00:00+01:00' },
      ],
    };
    const page = extract(
      `<h1>Another title</h1>${prose}`,
      `<title>x</title><script type="application/ld+json">\n//<![CDATA[\n${JSON.stringify(graph)}\n//]]></script>`,
    );
    assert.equal(page.title, 'On moss');
    assert.equal(page.author, 'Ann Lee');
    assert.equal(page.publishedAt?.toISOString(), '2026-03-04T09:00:00.000Z');
    assert.equal(page.siteName, 'Moss Journal');
  });

  test('broken structured data is passed over', () => {
    assert.equal(
      extract(`<h1>On moss</h1>${prose}`, '<script type="application/ld+json">{"@type": "Article", "headline": </script>').title,
      'On moss',
    );
  });

  test('the byline names author and date where nothing else does', () => {
    for (const [line, author] of [
      ['Posted by Old Walter on 14 March 2026', 'Old Walter'],
      ['Ben Okafor · 14 March 2026', 'Ben Okafor'],
      ['written by <span>Anneke Vos</span> <time datetime="2026-03-14">March 14</time>', 'Anneke Vos'],
      ['<span>Words: Tomás Rivas</span> <span>Published 14 March 2026</span>', 'Tomás Rivas'],
      ['Dana Whitlock / 14.03.2026', 'Dana Whitlock'],
    ] as const) {
      const page = extract(`<h1>On moss</h1><div class="by">${line}</div>${prose}`);
      assert.equal(page.author, author, line);
      assert.equal(page.publishedAt?.toISOString().slice(0, 10), '2026-03-14', line);
      assert.match(page.text, /^Moss grows/, 'the byline is no text');
    }
  });

  test('dates and names in a list of articles are not those of the page', () => {
    const teaser = (day: number) =>
      `<section class="teaser"><h2><a href="/${day}">Article ${day}</a></h2><p class="by">Ann Lee, ${day} March 2026</p><p>${sentence}</p></section>`;
    const page = extract([1, 2, 3, 4].map(teaser).join(''));
    assert.equal(page.author, null);
    assert.equal(page.publishedAt, null);
  });

  test('a date in the future is none', () => {
    assert.equal(extract(prose, '<meta property="article:published_time" content="2031-01-01">').publishedAt, null);
  });

  test('the name of the site is no part of the title', () => {
    assert.equal(withoutSiteName('On moss and ferns | Moss Journal', undefined), 'On moss and ferns');
    assert.equal(withoutSiteName('The weekly hour -- Walter', undefined), 'The weekly hour');
    assert.equal(withoutSiteName('Moss - a plant that asks for little', undefined), 'Moss - a plant that asks for little');
    assert.equal(withoutSiteName('Moss Journal – On moss', 'Moss Journal'), 'On moss');
    assert.equal(withoutSiteName('Well-known plants', undefined), 'Well-known plants');
  });

  test('the canonical address is an http address, and not the home page by mistake', () => {
    const canonical = (href: string) => extract(prose, `<link rel="canonical" href="${href}">`).canonicalUrl;
    assert.equal(canonical('/guides/moss#top'), 'https://example.com/guides/moss');
    assert.equal(canonical('https://other.example/moss'), 'https://other.example/moss');
    for (const wrong of ['https://example.com/', '/', '', 'javascript:alert(1)', 'http://']) assert.equal(canonical(wrong), url, wrong);
  });

  test('images are those of the text, with absolute addresses', () => {
    const page =
      extract(`<article>${prose}<img src="/a.jpg" alt=" A  moss "><img data-src="b.jpg" src="data:image/gif;base64,x"><img src="pixel.gif" width="1"><img src="/a.jpg"></article>
      <footer><img src="/logo.png"></footer>`);
    assert.deepEqual(page.images, [
      { url: 'https://example.com/a.jpg', alt: 'A moss' },
      { url: 'https://example.com/guides/b.jpg', alt: '' },
    ]);
  });

  test('the language is what the text is in, where it is long enough to tell', () => {
    const bulgarian = 'Растенията правят аквариума жив, произвеждат кислород и дават укритие на рибите и скаридите. '.repeat(4);
    assert.equal(extract(`<p>${bulgarian}</p>`).language, 'bg');
    assert.equal(extract('<p>Anubias barteri, Microsorum</p>', '', url).language, 'en');
  });
});

test('dates as people and machines write them', () => {
  for (const line of [
    'on 2 May 2026',
    'May 2nd, 2026',
    '2. Mai 2026',
    '2 mai 2026',
    '2 de mayo de 2026',
    '2 май 2026',
    '02.05.2026',
    '2026-05-02',
  ]) {
    assert.equal(findDate(line)?.date.toISOString().slice(0, 10), '2026-05-02', line);
  }
  for (const line of ['31 February 2026', 'room 12 May', '3.7.2 release', '99.99.2026', 'call 2026 now', ''])
    assert.equal(findDate(line), undefined, line);
  assert.equal(readMachineDate('2026-05-02T10:00:00+0200')?.toISOString(), '2026-05-02T08:00:00.000Z');
  assert.equal(readMachineDate('Sat, 02 May 2026 08:00:00 GMT')?.toISOString(), '2026-05-02T08:00:00.000Z');
  assert.equal(readMachineDate('2026-13-45'), undefined);
  assert.equal(readMachineDate('yesterday'), undefined);
});

test('what is no name is none', () => {
  for (const line of ['5 min read', 'Log in', '', '1234567', 'https://example.com/ann', 'What is a moss?', 'by'])
    assert.equal(readName(line), undefined, line);
});
