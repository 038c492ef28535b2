export type { AnalyticsEvent, AnalyticsEventType } from './analytics-schema.ts';
export { type Analytics, type AnalyticsDependencies, createAnalytics } from './analytics-service.ts';
export { isAutomatedUserAgent } from './user-agents.ts';
