export type { Animal, Knowledge, Plant, Range } from './knowledge-schema.ts';
export { loadPack, type Pack } from './load-pack.ts';
export type { Topic, Voice } from './pack-schema.ts';
