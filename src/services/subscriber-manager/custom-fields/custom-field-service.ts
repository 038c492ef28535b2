import type { Database } from '#platform/database';
import { defineJob, type Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { conflict, type FieldFault, invalid, notFound } from '#shared/errors';
import {
  deleteDefinition,
  deleteValues,
  insertDefinition,
  isInUse,
  listDefinitions,
  lockAllDefinitions,
  lockDefinition,
  updateDefinition,
} from './custom-field-store.ts';
import { type CustomFieldDefinition, maxDefinitions } from './custom-field-types.ts';

type NewDefinition = Pick<CustomFieldDefinition, 'name' | 'label' | 'type' | 'choices' | 'readerEditable'>;
type DefinitionChange = Partial<Pick<CustomFieldDefinition, 'label' | 'choices' | 'readerEditable'>>;

/** Of a field that is defined no more. One that was defined anew since keeps its values. */
export const deleteFieldValuesJob = defineJob<{ readonly name: string }>('delete-field-values', { isKeyed: true, expireInSeconds: 1800 });

export type CustomFieldService = {
  /** @throws AppError 409 `field_exists`, `too_many_fields`; 422 for choices that do not fit the type */
  create(definition: NewDefinition): Promise<CustomFieldDefinition>;
  /** @throws AppError 409 `field_in_use` when a choice is taken away that somebody has; `not_found` */
  change(id: string, change: DefinitionChange): Promise<CustomFieldDefinition>;
  /** @throws AppError 409 `field_in_use` unless the values are to go as well; `not_found` */
  remove(id: string, options: { readonly withValues: boolean }): Promise<void>;
  /** The work of `deleteFieldValuesJob`. */
  deleteFieldValues(data: { readonly name: string }, job: { readonly signal: AbortSignal }): Promise<{ changed: number }>;
};

const batchSize = 2000;

export function createCustomFieldService(deps: {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly clock: Clock;
}): CustomFieldService {
  const { database, jobs, clock } = deps;

  return {
    async create(definition) {
      checkChoices(definition.type, definition.choices);
      const at = clock.now();
      return database.transaction(async (tx) => {
        await lockAllDefinitions(tx);
        if ((await listDefinitions(tx)).length >= maxDefinitions) {
          throw conflict('too_many_fields', `There are ${maxDefinitions} custom fields, and no more are taken.`);
        }
        const created = await insertDefinition(tx, { ...definition, id: clock.newId(), createdAt: at, updatedAt: at });
        if (created === undefined) throw conflict('field_exists', `There is a custom field "${definition.name}" already.`);
        return created;
      });
    },

    async change(id, change) {
      return database.transaction(async (tx) => {
        const current = await lockDefinition(tx, id);
        if (current === undefined) throw notFound('custom field', id);
        const next = { ...current, ...change, updatedAt: clock.now() };
        checkChoices(next.type, next.choices);
        const dropped = current.choices.filter((choice) => !next.choices.includes(choice));
        if (dropped.length > 0 && (await isInUse(tx, current.name, dropped))) {
          throw conflict('field_in_use', `Subscribers have one of the choices that would go: ${dropped.join(', ')}.`);
        }
        return updateDefinition(tx, next);
      });
    },

    async remove(id, { withValues }) {
      await database.transaction(async (tx) => {
        const current = await lockDefinition(tx, id);
        if (current === undefined) throw notFound('custom field', id);
        const hasValues = await isInUse(tx, current.name);
        if (hasValues && !withValues) {
          throw conflict('field_in_use', 'Subscribers have values of this field; delete them with it by ?values=delete.');
        }
        await deleteDefinition(tx, id);
        if (hasValues) await jobs.send(tx, deleteFieldValuesJob, { name: current.name }, { singletonKey: current.name });
      });
    },

    async deleteFieldValues({ name }, { signal }) {
      let changed = 0;
      for (;;) {
        signal.throwIfAborted();
        const count = await database.transaction(async (tx) => {
          await lockAllDefinitions(tx);
          const isDefined = (await listDefinitions(tx)).some((definition) => definition.name === name);
          return isDefined ? 0 : deleteValues(tx, name, batchSize, clock.now());
        });
        changed += count;
        if (count === 0) return { changed };
      }
    },
  };
}

function checkChoices(type: CustomFieldDefinition['type'], choices: readonly string[]): void {
  const message = findChoicesFault(type, choices);
  if (message === undefined) return;
  const faults: FieldFault[] = [{ path: '/choices', message }];
  throw invalid(`The choices of the custom field are not valid: ${message}.`, faults);
}

function findChoicesFault(type: CustomFieldDefinition['type'], choices: readonly string[]): string | undefined {
  if (type !== 'choice') return choices.length > 0 ? 'belong to a field of the type choice' : undefined;
  if (choices.length === 0) return 'must be at least one';
  if (new Set(choices).size !== choices.length) return 'must not name one twice';
  return choices.some((choice) => choice !== choice.trim() || choice === '' || /\p{Cc}/u.test(choice))
    ? 'must be texts without line breaks, and without spaces at their ends'
    : undefined;
}
