export type { SegmentRules } from './segments/rule-types.ts';
export { createSegmentIndex } from './segments/segment-index.ts';
export { createSegmentService, type SegmentService } from './segments/segment-service.ts';
export { createSubscriberManager, type SubscriberManager } from './subscriber-manager.ts';
export { listSubscribers } from './subscribers/subscriber-store.ts';
