export { createFactReader, type FactFinding, type FactReader } from './fact-reader.ts';
export { namesOf } from './name-index.ts';
