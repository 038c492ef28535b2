import type { Caches } from '#platform/cache';
import type { Compute } from '#platform/compute';
import type { Pack } from '#platform/pack';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import type { Storage } from '#platform/storage';
import { type Articles, createArticles } from './articles/index.ts';
import { createSite, type Site, type SiteConfig } from './site/index.ts';

export type ContentManagerDependencies = ServiceDependencies & {
  readonly caches: Pick<Caches, 'named' | 'invalidateAfterCommit'>;
  readonly compute: Pick<Compute, 'run'>;
  readonly storage: Pick<Storage, 'get' | 'put'>;
  readonly site: SiteConfig;
  readonly pack: Pack;
};

/** Articles from the draft to the archive, and the public site that shows them. */
export type ContentManager = Omit<Articles, 'routes' | 'work'> &
  Omit<Site, 'routes'> & {
    readonly module: ServiceModule;
  };

export function createContentManager(deps: ContentManagerDependencies): ContentManager {
  const { routes: articleRoutes, work, ...articles } = createArticles(deps);
  const { routes: siteRoutes, ...site } = createSite(deps);
  return {
    ...articles,
    ...site,
    module: {
      name: 'content-manager',
      routes: async (app) => {
        await articleRoutes(app);
        await siteRoutes(app);
      },
      ...work,
    },
  };
}
