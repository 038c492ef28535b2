import type { Pack } from '#platform/pack';
import { type ConceptIndex, readFacets, readText, strengthOf } from './concepts/index.ts';
import type { Brief, Declined } from './generation-types.ts';

const maxTopics = 3;

/** The prepared topics that have most in common with what was asked; the first ones where none has anything. */
function findRelated({ title, query, language }: Brief, topics: Pack['topics'], concepts: ConceptIndex): string[] {
  const asked = `${title} ${query}`;
  const facets = readFacets(asked, language, concepts);
  const tags = new Set(concepts.findTags(readText(asked, language, concepts).terms, language).map(({ concept }) => concept.id));
  const others = topics.filter((topic) => topic.title !== title);
  const rated = others.map((topic) => {
    const words = [topic.title, topic.query, ...topic.headings.map(({ heading }) => heading)].join(' ');
    const [name, all] = [readText(topic.title, 'en', concepts), readText(words, 'en', concepts)];
    // What the title names counts twice.
    const ofFacets = facets.reduce((sum, facet) => sum + strengthOf(facet, name) + strengthOf(facet, all), 0);
    return { slug: topic.slug, score: ofFacets + topic.tags.filter((tag) => tags.has(`tag:${tag}`)).length };
  });
  const related = rated.filter(({ score }) => score > 0).toSorted((a, b) => b.score - a.score);
  return (related.length > 0 ? related : rated).slice(0, maxTopics).map(({ slug }) => slug);
}

/** What whoever was declined can do: which sources to add, and what would be written from those that are there. */
export function adviseAfterDecline(brief: Brief, { isUnclear }: Declined, topics: Pack['topics'], concepts: ConceptIndex): string {
  const add =
    isUnclear === true
      ? 'Ask for one plant, animal, device, technique or trouble'
      : 'Add pages about it to the sources ("aquascene ingest <address>" or POST /api/v1/sources) and ask again';
  const related = findRelated(brief, topics, concepts);
  return related.length === 0 ? `${add}.` : `${add}, or ask for a prepared topic such as ${related.join(', ')}.`;
}
