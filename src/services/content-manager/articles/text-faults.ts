import { type FieldFault, invalid } from '#shared/errors';

/**
 * PostgreSQL can keep neither the character U+0000 nor half of a surrogate pair; everything else is stored as it came.
 * Names every field that holds one.
 */
export function findTextFaults(value: unknown, path = ''): FieldFault[] {
  if (typeof value === 'string') {
    if (value.includes('\u0000')) return [{ path: path || '/', message: 'must not contain the character U+0000' }];
    return value.isWellFormed() ? [] : [{ path: path || '/', message: 'must not contain half of a surrogate pair' }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => findTextFaults(part, `${path}/${name}`));
}

export function checkText(value: unknown): void {
  const faults = findTextFaults(value);
  if (faults.length > 0) throw invalid(`Text that cannot be stored: ${faults.map(({ path }) => path).join(', ')}.`, faults);
}
