export { createEvents, type Events, type NewEvent, type StoredEvent, type Subscription } from './events.ts';
