import { type CustomFieldDefinition, maxTextLength } from '../custom-fields/custom-field-types.ts';
import { readCustomFields } from '../custom-fields/custom-field-values.ts';
import type { MessageKey, MessageValues } from '../messages/messages.ts';
import {
  type Details,
  maxNameLength,
  type Reading,
  readCountry,
  readFormat,
  readFrequency,
  readLanguage,
  readName,
  readSendHour,
  readTimeZone,
  readTopics,
} from '../subscribers/subscriber-fields.ts';

/** What a page can ask a reader for, beside the address: one of these, or `custom:<name>`. */
export const readerFields = ['name', 'country', 'language', 'timezone', 'topics', 'frequency', 'format', 'sendHour'] as const;
export type ReaderField = (typeof readerFields)[number];
export type AskedField = { readonly field: string; readonly required: boolean };

export const customPrefix = 'custom:';

export type ReaderFault = { readonly field: string; readonly key: MessageKey; readonly values?: MessageValues };

export type ReaderInput = {
  readonly details: Details;
  /** Texts of custom fields that fit their types. */
  readonly custom: Readonly<Record<string, string>>;
  readonly faults: readonly ReaderFault[];
};

type Known = { readonly definitions: readonly CustomFieldDefinition[]; readonly topics: ReadonlySet<string> };

/** The fields of a body that a browser sent, whatever it is: what is no text is none. */
export type FormBody = { text(name: string): string; texts(name: string): readonly string[] };

export function formBodyOf(body: unknown): FormBody {
  const fields = new Map(typeof body === 'object' && body !== null ? Object.entries(body) : []);
  return {
    text(name) {
      const value: unknown = fields.get(name);
      return typeof value === 'string' ? value : '';
    },
    texts: (name) => [fields.get(name)].flat().filter((value) => typeof value === 'string'),
  };
}

type Reader = (text: string) => Reading<Details[ReaderField]>;

const readers: Readonly<Record<Exclude<ReaderField, 'topics'>, Reader>> = {
  name: readName,
  country: readCountry,
  language: readLanguage,
  timezone: readTimeZone,
  frequency: readFrequency,
  format: readFormat,
  sendHour: readSendHour,
};
const clearable: ReadonlySet<string> = new Set(['name', 'country', 'timezone', 'sendHour']);

/**
 * What a reader said. With `isWhole` the page showed what is known, and an empty field takes it away; else it is merely not said.
 */
export function readReaderInput(body: FormBody, asked: readonly AskedField[], known: Known, isWhole: boolean): ReaderInput {
  const details: Record<string, unknown> = {};
  const custom: Record<string, string> = {};
  const faults: ReaderFault[] = [];
  for (const { field, required } of asked) {
    const texts = field === 'topics' ? body.texts(field) : [body.text(field)];
    const isEmpty = texts.every((text) => text.trim() === '');
    if (isEmpty && required) faults.push({ field, key: 'fault.required' });
    else if (field.startsWith(customPrefix)) readCustom(field, body.text(field));
    else if (field === 'topics') take(field, readTopics(texts, known.topics), isEmpty);
    else if (isEmpty) {
      if (isWhole && clearable.has(field)) details[field] = null;
    } else {
      const name = readerFields.find((each) => each === field);
      if (name !== undefined && name !== 'topics') take(field, readers[name](texts[0] ?? ''), false);
    }
  }
  return { details, custom, faults };

  function take(field: string, reading: Reading<unknown>, isEmpty: boolean): void {
    if ('fault' in reading) faults.push(faultOf(field, body.text(field), field === 'name' ? maxNameLength : undefined));
    else if (isWhole || !isEmpty) details[field] = reading.value;
  }

  function readCustom(field: string, text: string): void {
    const name = field.slice(customPrefix.length);
    const definition = known.definitions.find((each) => each.name === name);
    // Removed since the page was shown: there is nothing to say it of.
    if (definition === undefined || (text.trim() === '' && !isWhole)) return;
    const isFaulty = readCustomFields([definition], { [name]: text }, 'text').faults.length > 0;
    if (isFaulty) faults.push(faultOf(field, text, definition.type === 'text' ? maxTextLength : undefined));
    else custom[name] = text;
  }
}

function faultOf(field: string, text: string, max: number | undefined): ReaderFault {
  return max !== undefined && text.length > max ? { field, key: 'fault.tooLong', values: { max } } : { field, key: 'fault.invalid' };
}
