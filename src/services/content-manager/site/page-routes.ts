import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Queryable } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { articleTag, listsTag } from '../site-tags.ts';
import { viewText } from './article-view.ts';
import type { CardView } from './card-view.ts';
import type { KeptAnswers } from './kept-answers.ts';
import { writerLabelOf } from './labels.ts';
import { paths } from './links.ts';
import { encodePosition, type Position } from './position.ts';
import { isSlugLike, positionOf } from './request-text.ts';
import { pageAnswer, sendPage } from './responses.ts';
import { findArticle, findCategory, findTag, listArticles, listRelated, listTopics } from './site-store.ts';
import type { ArticleCard, Category, PublishedText, SiteConfig, SiteDependencies } from './site-types.ts';
import { describeArticle, describeSite, describeTrail } from './structured-data.ts';
import type { PageHead, Render } from './templates.ts';

export type PageContext = {
  /** For what is kept: the latest there is, as a replica's older state would be kept too. */
  readonly database: Queryable;
  readonly kept: KeptAnswers;
  readonly site: SiteConfig;
  readonly pack: SiteDependencies['pack'];
  readonly render: Render;
  readonly cardView: (card: ArticleCard) => CardView;
  readonly sendNotFound: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;
};

// The lead, some headlines beside it, and covers below.
const frontPage = { headlines: 3, covers: 8 } as const;
const pageSize = 18;
const relatedCount = 3;

export const pageRoute = { config: { access: 'public', isPage: true }, schema: { hide: true } } as const;
/** What is kept is kept compressed. */
export const keptRoute = { ...pageRoute, config: { ...pageRoute.config, entersTrace: false }, compress: false } as const;
const slugRoute = { ...keptRoute, schema: { hide: true, params: Type.Object({ slug: Type.String() }) } } as const;
const listQuery = Type.Object({ cursor: Type.Optional(Type.Unknown()) });

export function registerPages(app: HttpServer, context: PageContext): void {
  registerHome(app, context);
  registerArticle(app, context);
  registerLists(app, context);
  app.get('/about', pageRoute, async (request, reply) => {
    const head: PageHead = {
      kind: 'about',
      name: 'How we work',
      path: '/about',
      description: `How the articles of ${context.site.title} are made from sources, and what their labels mean.`,
      structured: [describeTrail(context.site, [{ name: 'How we work', path: '/about' }])],
      hasSubscription: true,
    };
    return sendPage(request, reply, await context.render('about', head, {}));
  });
}

function registerHome(app: HttpServer, context: PageContext): void {
  const { database, site, render, cardView } = context;

  async function makeHome() {
    const { headlines, covers } = frontPage;
    const [articles, topics] = await Promise.all([listArticles(database, { limit: headlines + covers }), listTopics(database)]);
    const [lead, ...others] = articles.map(cardView);
    // With few articles, covers are better than headlines.
    const beside = others.length > headlines + 1 ? headlines : 0;
    const recent = others.slice(beside);
    const head: PageHead = {
      kind: 'home',
      name: site.title,
      description: `${site.tagline}.`,
      path: '/',
      structured: [describeSite(site)],
      hasSubscription: true,
      ...(articles[0] !== undefined && { image: paths.preview(articles[0].slug) }),
    };
    const view = {
      lead: lead ?? null,
      also: others.slice(0, beside),
      recent,
      over: recent.length % 3,
      topics: topics.map((topic) => ({
        name: topic.name,
        description: topic.description,
        url: paths.category(topic.slug),
        cover: paths.artwork('card', topic.slug, topic.slug),
        latest: {
          url: paths.article(topic.latestSlug),
          title: topic.latestTitle,
          lang: topic.latestLanguage === site.language ? null : topic.latestLanguage,
        },
      })),
    };
    return pageAnswer(await render('home', head, view));
  }

  app.get('/', keptRoute, (request, reply) => context.kept.send(request, reply, '/', [listsTag], makeHome));
}

function headOf(site: SiteConfig, article: PublishedText): PageHead {
  const category =
    article.category === null
      ? { name: 'Articles', path: '/articles' }
      : { name: article.categoryName ?? article.category, path: paths.category(article.category) };
  return {
    kind: 'article',
    type: 'article',
    name: article.title,
    description: article.metaDescription || article.summary,
    path: paths.article(article.slug),
    image: paths.preview(article.slug),
    contentLanguage: article.language,
    hasSubscription: true,
    properties: [
      { name: 'article:published_time', content: article.publishedAt.toISOString() },
      { name: 'article:modified_time', content: article.updatedAt.toISOString() },
      ...(article.categoryName === null ? [] : [{ name: 'article:section', content: article.categoryName }]),
      ...article.tags.map(({ name }) => ({ name: 'article:tag', content: name })),
    ],
    structured: [
      describeArticle(site, article),
      describeTrail(site, [category, { name: article.title, path: paths.article(article.slug) }]),
    ],
  };
}

function registerArticle(app: HttpServer, context: PageContext): void {
  const { database, site, render, cardView } = context;

  async function makeArticle(slug: string) {
    const article = await findArticle(database, slug);
    if (article === undefined) return undefined;
    const related = await listRelated(database, article, relatedCount);
    const { sections, sources } = viewText(article.sections, article.citations);
    const view = {
      article: {
        ...cardView(article),
        id: article.id,
        writer: writerLabelOf(article.writer),
        tags: article.tags.map((tag) => ({ name: tag.name, url: paths.tag(tag.slug) })),
      },
      sections,
      sources,
      related: related.map(cardView),
    };
    return pageAnswer(await render('article', headOf(site, article), view));
  }

  app.get('/articles/:slug', slugRoute, (request, reply) => {
    const { slug } = request.params;
    if (!isSlugLike(slug)) return context.sendNotFound(request, reply);
    return context.kept.send(request, reply, paths.article(slug), [articleTag(slug)], () => makeArticle(slug));
  });
}

type ListPage = {
  readonly kind: 'archive' | 'category' | 'tag';
  readonly path: string;
  readonly kicker: string;
  readonly name: string;
  readonly description: string;
  readonly cover: string | null;
  readonly filter: { readonly category?: string; readonly tag?: string };
};

function registerLists(app: HttpServer, context: PageContext): void {
  const { database, site, render, cardView, sendNotFound } = context;

  async function makeList(list: ListPage, before: Position | undefined) {
    const rows = await listArticles(database, { limit: pageSize, before, ...list.filter });
    const articles = rows.slice(0, pageSize);
    const last = articles.at(-1);
    const pathFrom = (position: Position) => `${list.path}?cursor=${encodePosition(position)}`;
    const olderUrl = rows.length > pageSize && last !== undefined ? pathFrom({ value: last.position, id: last.id }) : null;
    const head: PageHead = {
      kind: list.kind,
      name: list.name,
      description: list.description || `${list.name} on ${site.title}.`,
      path: before === undefined ? list.path : pathFrom(before),
      next: olderUrl,
      // Older pages change with every publication: search engines follow them and keep the articles.
      ...(before !== undefined && { robots: 'noindex, follow' }),
      structured: [describeTrail(site, [{ name: list.name, path: list.path }])],
      hasSubscription: true,
      ...(articles[0] !== undefined && { image: paths.preview(articles[0].slug) }),
    };
    const view = {
      kicker: list.kicker,
      heading: list.name,
      description: list.description,
      cover: list.cover,
      cards: articles.map(cardView),
      newestUrl: before === undefined ? null : list.path,
      olderUrl,
    };
    return pageAnswer(await render('list', head, view));
  }

  /** `find` is asked only when the page is not kept. */
  function sendList(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    before: Position | null | undefined,
    find: () => Promise<ListPage | undefined>,
  ) {
    if (before === null) return sendNotFound(request, reply);
    const key = before === undefined ? path : `${path}?cursor=${encodePosition(before)}`;
    return context.kept.send(request, reply, key, [listsTag], async () => {
      const list = await find();
      return list && makeList(list, before);
    });
  }

  app.get('/articles', { ...keptRoute, schema: { hide: true, querystring: listQuery } }, (request, reply) =>
    sendList(request, reply, '/articles', positionOf(request.query.cursor), async () => ({
      kind: 'archive',
      path: '/articles',
      kicker: 'Archive',
      name: 'All articles',
      description: `Everything that ${site.title} has published, newest first.`,
      cover: null,
      filter: {},
    })),
  );

  const taxonRoute = { ...slugRoute, schema: { ...slugRoute.schema, querystring: listQuery } } as const;

  app.get('/categories/:slug', taxonRoute, (request, reply) => {
    const { slug } = request.params;
    if (!isSlugLike(slug)) return sendNotFound(request, reply);
    const path = paths.category(slug);
    return sendList(request, reply, path, positionOf(request.query.cursor), async () => {
      const category = await readCategory(context, slug);
      if (category === undefined) return undefined;
      const { name, description } = category;
      return {
        kind: 'category',
        path,
        kicker: 'Topic',
        name,
        description,
        cover: paths.artwork('wide', slug, slug),
        filter: { category: slug },
      };
    });
  });

  app.get('/tags/:slug', taxonRoute, (request, reply) => {
    const { slug } = request.params;
    if (!isSlugLike(slug)) return sendNotFound(request, reply);
    const path = paths.tag(slug);
    return sendList(request, reply, path, positionOf(request.query.cursor), async () => {
      const tag = await findTag(database, slug);
      return tag && { kind: 'tag', path, kicker: 'Tag', name: tag.name, description: '', cover: null, filter: { tag: slug } };
    });
  });
}

/** The pack's categories have their page from the first day, before anything is stored of them. */
async function readCategory({ database, pack }: PageContext, slug: string): Promise<Category | undefined> {
  return (await findCategory(database, slug)) ?? pack.categories.find((category) => category.slug === slug);
}
