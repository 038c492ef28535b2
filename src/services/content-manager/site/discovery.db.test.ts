import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FastifyReply } from 'fastify';
import type { HttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { createTestServer } from '../../../../tests/support/test-server.ts';
import { registerDiscovery } from './discovery-routes.ts';
import { createKeptAnswers } from './kept-answers.ts';
import { insertArticle } from './testing/test-articles.ts';

const baseUrl = 'https://digest.example';
let t: TestContext;
let app: HttpServer;

before(async () => {
  t = await createTestContext();
  const site = { baseUrl, title: 'Digest', tagline: 'Tanks', language: 'en' };
  const { database } = t;
  const sendNotFound = async (_request: unknown, reply: FastifyReply) => reply.code(404).send('');
  const kept = createKeptAnswers(t.caches.named('content'), 'test', sendNotFound);
  app = await createTestServer(t, [
    (server) =>
      registerDiscovery(server, {
        database,
        kept,
        site,
        sitemapSize: 4,
        sendNotFound: async (_request, reply) => reply.code(404).send(''),
      }),
  ]);
});
after(async () => {
  await app.close();
  await t.close();
});

const addressesOf = async (url: string) => {
  const { body, statusCode } = await app.inject(url.replace(baseUrl, ''));
  assert.equal(statusCode, 200, url);
  return [...body.matchAll(/<loc>([^<]+)<\/loc>/g)].map(([, address = '']) => address);
};

test('a site without articles has valid feeds and a sitemap of its pages', async () => {
  for (const url of ['/feed.xml', '/atom.xml', '/feed.json']) assert.equal((await app.inject(url)).statusCode, 200, url);
  assert.deepEqual(await addressesOf('/sitemap.xml'), [`${baseUrl}/`, `${baseUrl}/articles`, `${baseUrl}/about`]);
});

test('beyond its size the sitemap is an index, whose parts list each article once', async () => {
  for (let index = 0; index < 11; index++) await insertArticle(t, { slug: `article-${index}`, publishedAt: '2026-11-01T10:00:00.000123Z' });
  const index = await app.inject('/sitemap.xml');
  assert.match(index.body, /<sitemapindex /);
  const [pages = '', ...parts] = await addressesOf('/sitemap.xml');
  assert.equal(pages, `${baseUrl}/sitemaps/pages.xml`);
  assert.equal(parts.length, 3);
  const listed = (await Promise.all(parts.map(addressesOf))).flat();
  assert.equal(new Set(listed).size, 11);
  assert.equal(listed.length, 11);
  assert.deepEqual(await addressesOf(pages), [`${baseUrl}/`, `${baseUrl}/articles`, `${baseUrl}/about`]);
});
