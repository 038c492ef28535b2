/** A spreadsheet takes text that begins with one of these for a formula (OWASP, "CSV Injection"). */
const startsFormula = /^[=+\-@\t\r]/;
const needsQuotes = /[",\r\n;]/;

/** A field of CSV (RFC 4180) that no spreadsheet runs: text that would be a formula is guarded by an apostrophe. */
export function csvField(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const guarded = startsFormula.test(value) ? `'${value}` : value;
  return needsQuotes.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

export const csvLine = (values: readonly (string | number | boolean | null)[]): string => `${values.map(csvField).join(',')}\r\n`;
