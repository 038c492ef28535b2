export { createSubscriberManager, type SubscriberManager } from './subscriber-manager.ts';
