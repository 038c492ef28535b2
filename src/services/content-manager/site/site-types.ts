import type { Caches } from '#platform/cache';
import type { Compute } from '#platform/compute';
import type { Pack } from '#platform/pack';
import type { ServiceDependencies } from '#platform/service';
import type { Storage } from '#platform/storage';
import type { Citation, Section } from '#shared/article-text';

/** `baseUrl` without a slash at its end. */
export type SiteConfig = { readonly baseUrl: string; readonly title: string; readonly tagline: string; readonly language: string };

export type SiteDependencies = Pick<ServiceDependencies, 'database' | 'clock' | 'logger' | 'metrics'> & {
  readonly caches: Pick<Caches, 'named'>;
  readonly compute: Pick<Compute, 'run'>;
  readonly storage: Pick<Storage, 'get' | 'put'>;
  readonly site: SiteConfig;
  readonly pack: Pick<Pack, 'categories' | 'tags' | 'knowledge'>;
};

/** A page around trusted HTML. `title` is text. */
export type PageContent = {
  readonly title: string;
  readonly html: string;
  readonly status?: number;
  /** Trusted HTML for the head. */
  readonly head?: string;
};

export type Taxon = { readonly slug: string; readonly name: string };
export type Category = Taxon & { readonly description: string };

/** What a list shows of a published article. */
export type ArticleCard = {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
  readonly language: string;
  readonly contentType: string;
  readonly category: string | null;
  readonly categoryName: string | null;
  readonly publishedAt: Date;
  readonly updatedAt: Date;
  /** Microseconds since 1970, as PostgreSQL keeps them: the place in a list, where a Date is too coarse. */
  readonly position: number;
  /** Of the whole text, from which the reading time is estimated. */
  readonly characters: number;
};

export type PublishedText = ArticleCard & {
  readonly metaDescription: string;
  readonly writer: string;
  readonly tags: readonly Taxon[];
  readonly sections: readonly Section[];
  readonly citations: readonly Citation[];
};
