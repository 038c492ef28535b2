export type { BounceSettings } from './bounces/bounce-settings.ts';
export { createPartition, enqueueStatement } from './deliveries/delivery-store.ts';
export { createDistributor, type Distributor } from './distributor-service.ts';
export type { ArticleSource, Audience, DistributorDependencies, Issue, PublishedArticle, Recipient } from './distributor-types.ts';
export { collectMailData } from './personal-data.ts';
export { findSegmentUses } from './segment-uses.ts';
export { engagementCondition } from './tracking/engagement-queries.ts';
export { createTrackingTokens } from './tracking-token.ts';
