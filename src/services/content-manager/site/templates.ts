import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Liquid } from 'liquidjs';
import { pagePolicy } from '#platform/http-server';
import { truncate } from '#shared/text';
import { absolute, paths } from './links.ts';
import type { SiteConfig, SiteDependencies } from './site-types.ts';
import { stylesheetPath } from './stylesheet.ts';

/** What a page says about itself in its head. */
export type PageHead = {
  /** Names the page to its style and to the navigation. */
  readonly kind: 'home' | 'article' | 'archive' | 'category' | 'tag' | 'search' | 'about' | 'plain' | 'not-found';
  /** Without the name of the site. */
  readonly name: string;
  readonly description?: string;
  /** The path that search engines should keep. */
  readonly path?: string;
  readonly next?: string | null;
  readonly robots?: string;
  readonly type?: 'website' | 'article';
  /** Path of the picture for link previews. */
  readonly image?: string;
  readonly contentLanguage?: string;
  readonly properties?: readonly { readonly name: string; readonly content: string }[];
  /** JSON-LD, as text that cannot end its script element. */
  readonly structured?: readonly string[];
  readonly hasSubscription?: boolean;
  /** Trusted HTML. */
  readonly head?: string;
};

export type TemplateName = 'home' | 'article' | 'list' | 'search' | 'about' | 'not-found' | 'plain';
export type Render = (template: TemplateName, head: PageHead, view: Readonly<Record<string, unknown>>) => Promise<string>;

// What search engines show of a title; validators count it as it is written, with its entities.
const longestTitle = 70;
const writtenLength = (text: string): number => text.replace(/[&<>"']/g, '&quot;').length;

function fitTitle(text: string): string {
  let title = truncate(text, longestTitle);
  for (let length = title.length; writtenLength(title) > longestTitle; length--) title = truncate(text, length);
  return title;
}

function titleOf(name: string, siteTitle: string): string {
  const whole = `${name} · ${siteTitle}`;
  return writtenLength(whole) <= longestTitle ? whole : fitTitle(name);
}

const locales: Readonly<Record<string, string>> = { en: 'en_GB', bg: 'bg_BG' };

function viewHead(head: PageHead, site: SiteConfig) {
  const language = head.contentLanguage ?? site.language;
  return {
    kind: head.kind,
    name: head.name,
    title: head.kind === 'home' ? fitTitle(`${site.title}: ${site.tagline}`) : titleOf(head.name, site.title),
    description: head.description || null,
    canonical: head.path === undefined ? null : absolute(site, head.path),
    next: head.next ? absolute(site, head.next) : null,
    robots: head.robots ?? null,
    type: head.type ?? 'website',
    image: head.image === undefined ? null : absolute(site, head.image),
    locale: locales[language] ?? language.replace('-', '_'),
    contentLanguage: head.contentLanguage ?? null,
    properties: head.properties ?? [],
    structured: head.structured ?? [],
    hasSubscription: head.hasSubscription ?? false,
    head: head.head ?? '',
  };
}

const folder = path.join(import.meta.dirname, 'templates');

/** Changes with whatever a page is made of besides the articles: style, templates, the site's own words. */
export function versionOf(settings: Pick<SiteDependencies, 'site' | 'pack'>): string {
  const hash = createHash('sha256')
    .update(stylesheetPath)
    .update(JSON.stringify([settings.site, settings.pack.categories]));
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(path.join(folder, file)));
  return hash.digest('base64url').slice(0, 12);
}

/** Renders the files of `templates/`. Whatever they print is escaped, unless it says `raw`; a misspelt variable is an error. */
export function createTemplates({ site, pack }: Pick<SiteDependencies, 'site' | 'pack'>): Render {
  const liquid = new Liquid({
    root: folder,
    extname: '.liquid',
    cache: true,
    strictVariables: true,
    strictFilters: true,
    outputEscape: 'escape',
  });
  const constants = {
    site: { ...site, categories: pack.categories.map(({ slug, name }) => ({ name, url: paths.category(slug) })) },
    policy: pagePolicy,
    stylesheet: stylesheetPath,
  };
  return async (template, head, view) => liquid.renderFile(template, { ...constants, ...view, page: viewHead(head, site) });
}
