export { type ConceptIndex, createConceptIndex } from './concept-index.ts';
export { type Facet, readFacets, strengthOf } from './facets.ts';
export type { Concept } from './list-concepts.ts';
export { namesIn } from './names.ts';
export { joinReadings, type Reading, readText } from './reading.ts';
