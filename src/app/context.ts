import path from 'node:path';
import { loadPack, type Pack } from '#platform/pack';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { type AiProcessor, createAiProcessor } from '#services/ai-processor';
import { type Analytics, createAnalytics } from '#services/analytics';
import { type ContentManager, createContentManager } from '#services/content-manager';
import { collectMailData, createDistributor, type Distributor, engagementCondition, findSegmentUses } from '#services/distributor';
import { createSubscriberManager, type SubscriberManager } from '#services/subscriber-manager';
import { createWebScraper, type WebScraper } from '#services/web-scraper';
import type { Config } from './config.ts';
import { createMailCheck } from './mail-check.ts';
import { createMaintenance } from './maintenance.ts';
import { createPlatform, type Platform, type PlatformOptions } from './platform.ts';

export type Context = Omit<Platform, 'compute' | 'httpClient'> & {
  readonly config: Config;
  readonly pack: Pack;
  readonly analytics: Analytics;
  readonly webScraper: WebScraper;
  readonly contentManager: ContentManager;
  readonly aiProcessor: AiProcessor;
  readonly subscriberManager: SubscriberManager;
  readonly distributor: Distributor;
  readonly modules: readonly ServiceModule[];
};

/** The composition root: builds everything once. Nothing else constructs a service or a connection. */
export async function createContext(options: PlatformOptions): Promise<Context> {
  const { config } = options;
  const pack = await loadPack(config.packDir);
  const platform = await createPlatform(options);
  try {
    return await buildServices(platform, config, pack);
  } catch (error) {
    await platform.close();
    throw error;
  }
}

async function buildServices(platform: Platform, config: Config, pack: Pack): Promise<Context> {
  const { compute, httpClient, ...offered } = platform;
  const { database, caches, jobs, events, clock, logger, metrics, mail, storage, secret } = offered;
  const { site } = config;
  const dependencies: ServiceDependencies = { database, jobs, events, clock, logger, metrics };
  const webScraper = createWebScraper({ ...dependencies, httpClient, compute, userAgent: config.crawl.userAgent });
  const contentManager = createContentManager({ ...dependencies, caches, compute, storage, site, pack });
  const analytics = createAnalytics({ ...dependencies, findTitles: contentManager.findTitles });
  const aiProcessor = createAiProcessor({
    ...dependencies,
    compute,
    httpClient,
    pack,
    knowledge: pack.knowledge,
    searchRawContent: webScraper.searchRawContent,
    createDraft: contentManager.createDraft,
    providers: config.providers,
    batchSizes: config.batchSizes,
  });
  const subscriberManager = createSubscriberManager({
    ...dependencies,
    engagement: engagementCondition,
    findSegmentUses,
    storage,
    site,
    secret,
    mail,
    mailFrom: config.mail.from,
    renderPage: contentManager.renderPage,
    topics: pack.categories,
    collectPersonalData: (subscriberId) => collectMailData(database, subscriberId),
    formRedirectHosts: config.formRedirectHosts,
  });
  const distributor = createDistributor({
    ...dependencies,
    caches,
    compute,
    storage,
    httpClient,
    isMailbox: config.mail.isMailbox,
    dkimKeys: config.mail.dkimKeys,
    bounces: config.bounces,
    instagram: config.instagram,
    site,
    secret,
    mail,
    mailFrom: config.mail.from,
    postalAddress: config.mail.postalAddress,
    contentManager,
    subscribers: subscriberManager,
    analytics,
    templatesFolder: path.join(config.packDir, 'templates'),
  });
  const services = { analytics, webScraper, contentManager, aiProcessor, subscriberManager, distributor };
  const modules = [...Object.values(services).map((service) => service.module), createMaintenance({ database, storage, clock })];
  await jobs.prepare(modules.flatMap((module) => module.jobs.map((registration) => registration.definition)));
  return { ...offered, ...services, config, mail: { ...mail, verify: createMailCheck(mail) }, pack, modules };
}
