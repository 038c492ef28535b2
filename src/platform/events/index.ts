export { deleteHandledEvents } from './event-retention.ts';
export { createEventRoutes } from './event-routes.ts';
export type { EventSettings } from './event-settings.ts';
export type {
  DeadLetter,
  DeadLetterFilter,
  EventDriver,
  Events,
  NewEvent,
  ReplayRange,
  StoredEvent,
  SubscriberState,
  Subscription,
} from './event-types.ts';
export { createEvents, type EventsOptions } from './events.ts';
