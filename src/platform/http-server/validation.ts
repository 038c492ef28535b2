import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { isUuid } from '#shared/uuid';

const latestYear = 9999;

/** Unknown fields are an error that names them, not something to drop in silence. "1" is no number in a JSON body. */
export function createValidatorCompiler(): (route: { schema: unknown; httpPart?: string | undefined }) => ValidateFunction {
  const settings = { removeAdditional: false, allErrors: true, useDefaults: true } as const;
  const strict = new Ajv(settings);
  // Query strings, path parameters and form fields are text by nature. "Infinity" becomes a number there, which the library's
  // strictness about numbers would then leave out when it looks for the maximum.
  const coercing = new Ajv({ ...settings, coerceTypes: 'array', strictNumbers: false });
  for (const ajv of [strict, coercing]) addStorableFormats(ajv);
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema as AnySchema);
}

/** The standards allow more than JavaScript and PostgreSQL can hold: `urn:uuid:…`, the year 0, leap seconds. */
function addStorableFormats(ajv: Ajv): void {
  addFormats.default(ajv);
  const isDate = ajv.formats.date;
  const isDateTime = ajv.formats['date-time'];
  ajv.addFormat('uuid', isUuid);
  ajv.addFormat('date', (text) => matches(isDate, text) && isStorableTime(`${text}T00:00:00Z`));
  ajv.addFormat('date-time', (text) => matches(isDateTime, text) && isStorableTime(text));
}

function matches(format: Ajv['formats'][string], text: string): boolean {
  if (typeof format !== 'object' || format instanceof RegExp) throw new Error('the format is not the library’s');
  return typeof format.validate === 'function' && format.validate(text as never) === true;
}

function isStorableTime(text: string): boolean {
  const year = new Date(text).getUTCFullYear();
  return year >= 1 && year <= latestYear;
}
