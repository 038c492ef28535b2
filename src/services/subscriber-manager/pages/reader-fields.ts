import type { CustomFieldDefinition } from '../custom-fields/custom-field-types.ts';
import { maxTextLength } from '../custom-fields/custom-field-types.ts';
import { createTranslate, type PageLanguage, pageLanguages } from '../messages/messages.ts';
import { listCountries, maxNameLength, readLanguage, readTimeZone } from '../subscribers/subscriber-fields.ts';
import { frequencies, mailFormats } from '../subscribers/subscriber-types.ts';
import type { FieldView } from './page-parts.ts';
import type { PageText } from './page-text.ts';
import { type AskedField, customPrefix, type FormBody, type ReaderFault, type ReaderField, readerFields } from './reader-input.ts';

/** A topic that letters are about, as the site names it. */
export type Topic = { readonly slug: string; readonly name: string };

export type FieldContext = {
  readonly text: PageText;
  readonly topics: readonly Topic[];
  /** In which the topics' names are. */
  readonly siteLanguage: string;
  readonly definitions: readonly CustomFieldDefinition[];
  /** What stands in the fields. */
  readonly values: FormBody;
  readonly faults: readonly ReaderFault[];
};

const longestShown = 1000;

/** The fields to ask a reader for, in the reader's language. One that is defined no more is left out. */
export function fieldViews(asked: readonly AskedField[], context: FieldContext): FieldView[] {
  return asked.flatMap(({ field, required }) => {
    const { t } = context.text;
    const found = context.faults.find((fault) => fault.field === field);
    const fault = found === undefined ? undefined : t(found.key, found.values);
    const view = viewOf(field, context);
    if (view === undefined) return [];
    const isMarked = required || view.kind === 'checks' || isSettled(field);
    return [{ ...view, required, fault, label: isMarked ? view.label : t('field.optional', { label: view.label }) }];
  });
}

// These have a value in any case.
const isSettled = (field: string) => field === 'frequency' || field === 'format' || field === 'language';

function viewOf(field: string, context: FieldContext): FieldView | undefined {
  const value = context.values.text(field).toWellFormed().slice(0, longestShown);
  if (field.startsWith(customPrefix)) {
    const definition = context.definitions.find(({ name }) => name === field.slice(customPrefix.length));
    return definition && customView(field, definition, value, context.text);
  }
  const known = readerFields.find((each) => each === field);
  return known && standardView(known, value, context);
}

function standardView(field: ReaderField, value: string, { text: { t, language }, topics, siteLanguage, values }: FieldContext): FieldView {
  const shared = { name: field, label: t(`field.${field}`) };
  switch (field) {
    case 'name':
      return { ...shared, kind: 'input', type: 'text', value, maxLength: maxNameLength, autocomplete: 'name' };
    case 'country':
      return { ...shared, kind: 'select', value, options: [{ value: '', label: t('choice.none') }, ...countryOptions(language)] };
    case 'language':
      return { ...shared, kind: 'select', value, options: languageOptions(value, language) };
    case 'timezone':
      return { ...shared, kind: 'select', value, options: [{ value: '', label: t('timezone.none') }, ...zoneOptions(value)] };
    case 'topics': {
      const options = topics.map(({ slug, name }) => ({ value: slug, label: name, lang: siteLanguage }));
      return { ...shared, kind: 'checks', values: values.texts(field), options, hint: t('topics.hint') };
    }
    case 'frequency':
      return {
        ...shared,
        kind: 'select',
        value: value || 'all',
        options: frequencies.map((each) => ({ value: each, label: t(`frequency.${each}`) })),
      };
    case 'format':
      return {
        ...shared,
        kind: 'select',
        value: value || 'html',
        options: mailFormats.map((each) => ({ value: each, label: t(`format.${each}`) })),
      };
    case 'sendHour':
      return { ...shared, kind: 'select', value, options: [{ value: '', label: t('sendHour.any') }, ...hourOptions] };
  }
}

function customView(field: string, definition: CustomFieldDefinition, value: string, { t }: PageText): FieldView {
  const shared = { name: field, label: definition.label };
  const none = { value: '', label: t('choice.none') };
  switch (definition.type) {
    case 'choice':
      return {
        ...shared,
        kind: 'select',
        value,
        options: [none, ...definition.choices.map((choice) => ({ value: choice, label: choice }))],
      };
    case 'boolean':
      return {
        ...shared,
        kind: 'select',
        value,
        options: [none, { value: 'true', label: t('choice.yes') }, { value: 'false', label: t('choice.no') }],
      };
    case 'text':
      return { ...shared, kind: 'input', type: 'text', value, maxLength: maxTextLength };
    case 'number':
    case 'date':
      return { ...shared, kind: 'input', type: definition.type, value };
  }
}

const hourOptions = Array.from({ length: 24 }, (_, hour) => ({ value: String(hour), label: `${String(hour).padStart(2, '0')}:00` }));

const zones: readonly string[] = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];

function zoneOptions(value: string) {
  // One that is known under another name: `Asia/Calcutta`.
  const all = !('value' in readTimeZone(value)) || zones.includes(value) ? zones : [value, ...zones];
  return all.map((zone) => ({ value: zone, label: zone.replaceAll('_', ' ') }));
}

function languageOptions(value: string, language: PageLanguage) {
  const own = pageLanguages.map((each) => ({ value: each as string, label: createTranslate(each)('language.name'), lang: each }));
  if (!('value' in readLanguage(value)) || own.some((option) => option.value === value)) return own;
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(value) ?? value;
  return [{ value, label: name, lang: language }, ...own];
}

const countries = new Map<PageLanguage, readonly { readonly value: string; readonly label: string }[]>();

function countryOptions(language: PageLanguage) {
  const known = countries.get(language);
  if (known !== undefined) return known;
  const names = new Intl.DisplayNames([language], { type: 'region' });
  const options = listCountries().map((code) => ({ value: code, label: names.of(code) ?? code }));
  const sorted = options.sort((left, right) => left.label.localeCompare(right.label, language));
  countries.set(language, sorted);
  return sorted;
}
