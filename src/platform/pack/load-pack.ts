import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Ajv } from 'ajv';
import type { Static, TSchema } from 'typebox';
import { parse } from 'yaml';
import { AppError, messageOf } from '#shared/errors';
import { type Knowledge, knowledgeSchemas } from './knowledge-schema.ts';
import { type Taxonomy, TaxonomySchema, type Topic, TopicsSchema, type Voice, VoiceSchema } from './pack-schema.ts';

/** All that a publication on one subject brings along: data, no code. */
export type Pack = {
  readonly name: string;
  readonly folder: string;
  readonly knowledge: Knowledge;
  readonly voice: Voice;
  readonly categories: Taxonomy['categories'];
  readonly tags: Taxonomy['tags'];
  readonly topics: readonly Topic[];
};

const maxFaultsShown = 20;
const ajv = new Ajv({ allErrors: true, strict: false });

async function readYaml<T extends TSchema>(folder: string, file: string, schema: T, faults: string[]): Promise<Static<T> | undefined> {
  let value: unknown;
  try {
    value = parse(await readFile(path.join(folder, file), 'utf8'));
  } catch (error) {
    faults.push(`${file}: ${messageOf(error)}`);
    return undefined;
  }
  const isValid = ajv.compile(schema);
  if (isValid(value)) return value as Static<T>;
  for (const error of isValid.errors ?? []) {
    const accepted = error.keyword === 'enum' ? `: ${error.params.allowedValues.join(', ')}` : '';
    const extra = error.keyword === 'additionalProperties' ? ` ("${error.params.additionalProperty}")` : '';
    faults.push(`${file} at ${error.instancePath || '/'}: ${error.message}${accepted}${extra}`);
  }
  return undefined;
}

function findTwins(file: string, ids: readonly string[], faults: string[]): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) faults.push(`${file}: "${id}" stands twice.`);
    seen.add(id);
  }
}

function checkReferences(topics: readonly Topic[], taxonomy: Taxonomy, knowledge: Knowledge, faults: string[]): void {
  const categories = new Set(taxonomy.categories.map(({ slug }) => slug));
  const tags = new Set(taxonomy.tags.map(({ slug }) => slug));
  const plants = new Set(knowledge.plants.map(({ id }) => id));
  for (const topic of topics) {
    if (!categories.has(topic.category))
      faults.push(`topics.yaml, ${topic.slug}: there is no category "${topic.category}" in taxonomy.yaml.`);
    for (const tag of topic.tags) if (!tags.has(tag)) faults.push(`topics.yaml, ${topic.slug}: there is no tag "${tag}" in taxonomy.yaml.`);
  }
  for (const technique of knowledge.techniques) {
    for (const plant of technique.related_plants) {
      if (!plants.has(plant)) faults.push(`knowledge/techniques.yaml, ${technique.id}: there is no plant "${plant}" in plants.yaml.`);
    }
  }
  for (const entry of [...knowledge.plants, ...knowledge.animals]) {
    for (const [name, value] of Object.entries(entry)) {
      if (typeof value === 'object' && 'min' in value && value.min > value.max)
        faults.push(`knowledge, ${entry.id}: ${name} has min above max.`);
    }
  }
}

/** Reads and checks every file of the pack. @throws AppError `pack_invalid` that names the faults, with file and place */
export async function loadPack(folder: string): Promise<Pack> {
  const faults: string[] = [];
  const read = <T extends TSchema>(file: string, schema: T) => readYaml(folder, file, schema, faults);
  const [plants, animals, equipment, techniques, problems, voice, taxonomy, topics] = await Promise.all([
    read('knowledge/plants.yaml', knowledgeSchemas.plants),
    read('knowledge/animals.yaml', knowledgeSchemas.animals),
    read('knowledge/equipment.yaml', knowledgeSchemas.equipment),
    read('knowledge/techniques.yaml', knowledgeSchemas.techniques),
    read('knowledge/problems.yaml', knowledgeSchemas.problems),
    read('voice.yaml', VoiceSchema),
    read('taxonomy.yaml', TaxonomySchema),
    read('topics.yaml', TopicsSchema),
  ]);
  if (plants && animals && equipment && techniques && problems && voice && taxonomy && topics) {
    const knowledge = { plants, animals, equipment, techniques, problems };
    for (const [name, entries] of Object.entries(knowledge))
      findTwins(
        `knowledge/${name}.yaml`,
        entries.map(({ id }) => id),
        faults,
      );
    findTwins(
      'topics.yaml',
      topics.map(({ slug }) => slug),
      faults,
    );
    findTwins(
      'taxonomy.yaml, categories',
      taxonomy.categories.map(({ slug }) => slug),
      faults,
    );
    findTwins(
      'taxonomy.yaml, tags',
      taxonomy.tags.map(({ slug }) => slug),
      faults,
    );
    checkReferences(topics, taxonomy, knowledge, faults);
    if (faults.length === 0) {
      return { name: path.basename(folder), folder, knowledge, voice, categories: taxonomy.categories, tags: taxonomy.tags, topics };
    }
  }
  const more = faults.length > maxFaultsShown ? [`… and ${faults.length - maxFaultsShown} more`] : [];
  throw new AppError('pack_invalid', `The pack in ${folder} is not valid:\n${[...faults.slice(0, maxFaultsShown), ...more].join('\n')}`);
}
