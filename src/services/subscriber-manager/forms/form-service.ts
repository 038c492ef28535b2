import type { Database, Queryable } from '#platform/database';
import type { Clock } from '#shared/clock';
import { conflict, type FieldFault, invalid, notFound } from '#shared/errors';
import { listDefinitions } from '../custom-fields/custom-field-store.ts';
import { customPrefix, readerFields } from '../pages/reader-input.ts';
import { findTextFault, readTags, readTopics } from '../subscribers/subscriber-fields.ts';
import { deleteForm, insertForm, lockForm, updateForm } from './form-store.ts';
import type { SubscriptionForm } from './form-types.ts';

export type FormInput = Omit<SubscriptionForm, 'id' | 'createdAt' | 'updatedAt'>;

export type FormService = {
  /** @throws AppError 422 with every faulty field; 409 `form_exists` */
  create(form: FormInput): Promise<SubscriptionForm>;
  /** @throws AppError as `create` does; `not_found` */
  change(id: string, change: Partial<FormInput>): Promise<SubscriptionForm>;
  /** What it brought in stays, with the texts that were shown. @throws AppError `not_found` */
  remove(id: string): Promise<void>;
};

type Dependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly topicSlugs: ReadonlySet<string>;
  /** Hosts that a form may send its readers to, in lower case. */
  readonly redirectHosts: readonly string[];
};

const textFields = ['name', 'title', 'intro', 'consentStatement'] as const;

export function createFormService({ database, clock, topicSlugs, redirectHosts }: Dependencies): FormService {
  async function check(tx: Queryable, form: FormInput): Promise<FormInput> {
    const faults: FieldFault[] = [];
    const refuse = (path: string, message: string | undefined) => message !== undefined && faults.push({ path, message });
    const oneLine = (field: (typeof textFields)[number]) =>
      field === 'name' || field === 'title' ? form[field] : form[field].replaceAll(/\r?\n/g, ' ');
    for (const field of textFields) refuse(`/${field}`, findTextFault(oneLine(field), Number.POSITIVE_INFINITY));
    for (const field of ['name', 'title', 'consentStatement'] as const) {
      if (form[field].trim() === '') refuse(`/${field}`, 'must not be empty');
    }
    const tags = readTags(form.tags);
    const topics = readTopics(form.topics, topicSlugs);
    if ('fault' in tags) refuse('/tags', tags.fault);
    if ('fault' in topics) refuse('/topics', topics.fault);
    if (form.redirectUrl !== null) refuse('/redirectUrl', findRedirectFault(form.redirectUrl, redirectHosts));
    faults.push(...(await findAskedFaults(tx, form)));
    if (faults.length > 0) throw invalid(`The form is not valid: ${faults.map((f) => `${f.path} ${f.message}`).join('; ')}.`, faults);
    return { ...form, tags: 'value' in tags ? tags.value : [], topics: 'value' in topics ? topics.value : [] };
  }

  const taken = (slug: string) => conflict('form_exists', `There is a form with the slug "${slug}" already.`);

  return {
    async create(input) {
      return database.transaction(async (tx) => {
        const form = await check(tx, input);
        const at = clock.now();
        const created = await insertForm(tx, { ...form, id: clock.newId(), createdAt: at, updatedAt: at });
        if (created === undefined) throw taken(form.slug);
        return created;
      });
    },
    async change(id, change) {
      return database.transaction(async (tx) => {
        const current = await lockForm(tx, id);
        if (current === undefined) throw notFound('form', id);
        const form = await check(tx, { ...current, ...change });
        const changed = await updateForm(tx, { ...current, ...form, updatedAt: clock.now() });
        if (changed === undefined) throw taken(form.slug);
        return changed;
      });
    },
    async remove(id) {
      if ((await deleteForm(database, id)) === 0) throw notFound('form', id);
    },
  };
}

/** The fields asked for: each once, and known. A reader is asked only for custom fields that readers may edit. */
async function findAskedFaults(tx: Queryable, { fields }: FormInput): Promise<FieldFault[]> {
  const definitions = await listDefinitions(tx);
  const own = new Set(definitions.filter(({ readerEditable }) => readerEditable).map(({ name }) => `${customPrefix}${name}`));
  const seen = new Set<string>();
  return fields.flatMap(({ field }, index) => {
    const isKnown = (readerFields as readonly string[]).includes(field) || own.has(field);
    const isTwice = seen.has(field);
    seen.add(field);
    if (isKnown && !isTwice) return [];
    const known = [...readerFields, ...own].join(', ');
    return [{ path: `/fields/${index}/field`, message: isTwice ? 'is asked for twice' : `must be one of ${known}` }];
  });
}

function findRedirectFault(text: string, hosts: readonly string[]): string | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return 'must be an https address';
  if (!hosts.includes(url.host.toLowerCase()))
    return `must be on one of the hosts that the configuration allows: ${hosts.join(', ') || 'none'}`;
  return undefined;
}
