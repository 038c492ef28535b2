export { createDistributor, type Distributor } from './distributor-service.ts';
export type { ArticleSource, Audience, DistributorDependencies, Issue, PublishedArticle, Recipient } from './distributor-types.ts';
