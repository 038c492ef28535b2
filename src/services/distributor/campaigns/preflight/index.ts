export { assertSendable } from './assert-sendable.ts';
export { maxUnclippedBytes } from './check-content.ts';
export { createPreflight, type RunPreflight } from './preflight.ts';
