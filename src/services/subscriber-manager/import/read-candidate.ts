import type { CustomFieldDefinition } from '../custom-fields/custom-field-types.ts';
import { readCustomFields } from '../custom-fields/custom-field-values.ts';
import {
  maxTags,
  type Reading,
  readCountry,
  readEmail,
  readFormat,
  readFrequency,
  readLanguage,
  readName,
  readPastTime,
  readSendHour,
  readTags,
  readTimeZone,
  readTopics,
} from '../subscribers/subscriber-fields.ts';
import { shortenValue } from './import-rows.ts';
import type { Candidate, ImportFault, ImportOptions, ImportRow } from './import-types.ts';

const maxRemembered = 1000;
const longestRemembered = 40;

/** Asking the library takes long, and a list of subscribers has the same few countries and languages over and over. */
function remember<T>(reader: (text: string) => Reading<T>): (text: string) => Reading<T> {
  const known = new Map<string, Reading<T>>();
  return (text) => {
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const reading = reader(text);
    if ('value' in reading && text.length <= longestRemembered && known.size < maxRemembered) known.set(text, reading);
    return reading;
  };
}

export type CandidateReader = (row: ImportRow) => Candidate | readonly ImportFault[];

// One more than are allowed suffices to say that there are too many.
const split = (text: string) => text.split(';', 10 * maxTags);

/** Reads rows as candidates, or gives every fault in them. `topics`: slugs of those that there are. */
export function createCandidateReader(options: {
  readonly now: Date;
  readonly topics: ReadonlySet<string>;
  readonly definitions: readonly CustomFieldDefinition[];
  readonly import: Pick<ImportOptions, 'allowDisposable'>;
}): CandidateReader {
  const { now, topics, definitions } = options;
  const { allowDisposable } = options.import;
  const readers = {
    name: { column: 'name', read: readName },
    country: { column: 'country', read: remember(readCountry) },
    language: { column: 'language', read: remember(readLanguage) },
    timezone: { column: 'timezone', read: readTimeZone },
    tags: { column: 'tags', read: (text: string) => readTags(split(text)) },
    topics: { column: 'topics', read: (text: string) => readTopics(split(text), topics) },
    frequency: { column: 'frequency', read: readFrequency },
    format: { column: 'format', read: readFormat },
    sendHour: { column: 'send_hour', read: readSendHour },
    subscriptionDate: { column: 'subscription_date', read: (text: string) => readPastTime(text, now) },
  } as const;
  const readerList = Object.entries(readers);
  const lists: ReadonlySet<string> = new Set(['tags', 'topics']);
  const customColumns = definitions.map(({ name }) => [name, `custom:${name}` as const] as const);

  function readCustom(row: ImportRow, faults: ImportFault[]): Candidate['customFields'] {
    const given = customColumns.filter(([, column]) => row.values[column] !== undefined);
    if (given.length === 0) return undefined;
    const texts = Object.fromEntries(given.map(([name, column]) => [name, row.values[column]]));
    const reading = readCustomFields(definitions, texts, 'text');
    for (const { path, message } of reading.faults) {
      const field = path.slice(path.lastIndexOf('/') + 1);
      faults.push({ line: row.line, field: `custom:${field}`, message, value: shortenValue(texts[field] ?? '') });
    }
    return reading.values;
  }

  return (row) => {
    const { line, values } = row;
    const faults: ImportFault[] = [];
    const email = readEmail(values.email ?? '', { allowDisposable });
    if ('fault' in email) faults.push({ line, field: 'email', message: email.fault, value: shortenValue(values.email ?? '') });
    const candidate: Record<string, unknown> = {};
    for (const [field, { column, read }] of readerList) {
      const text = values[column];
      if (text === undefined) continue;
      if (text === '' || text.trim() === '') {
        candidate[field] = lists.has(field) ? [] : null;
        continue;
      }
      const reading: Reading<unknown> = read(text);
      if ('value' in reading) candidate[field] = reading.value;
      else faults.push({ line, field: column, message: reading.fault, value: shortenValue(text) });
    }
    const customFields = readCustom(row, faults);
    if (faults.length > 0 || 'fault' in email) return faults;
    return { ...candidate, email: email.value, ...(customFields !== undefined && { customFields }) };
  };
}
