import { type FieldFault, invalid } from './errors.ts';

const maxFaults = 20;

/**
 * PostgreSQL keeps no NUL character, and its jsonb no half of a surrogate pair; everything else is stored as it came. Refused here
 * with the field's name, rather than by the database without it.
 * @throws AppError `invalid_request` (422)
 */
export function checkStorableText(value: unknown, root = ''): void {
  const faults = findTextFaults(value, root);
  if (faults.length > 0) throw invalid(`The text is not valid: ${faults.map((f) => `${f.path} ${f.message}`).join('; ')}.`, faults);
}

/** The first 20, in the order of the fields. */
export function findTextFaults(value: unknown, root = ''): FieldFault[] {
  const faults: FieldFault[] = [];
  // A list instead of recursion: JSON can be nested deeper than the stack is.
  const open: { readonly path: string; readonly value: unknown }[] = [{ path: root, value }];
  for (let part = open.pop(); part !== undefined && faults.length < maxFaults; part = open.pop()) {
    const path = part.path || '/';
    const message = typeof part.value === 'string' ? faultOf(part.value) : undefined;
    if (message !== undefined) faults.push({ path, message });
    if (typeof part.value !== 'object' || part.value === null) continue;
    // The last one taken is the first one pushed.
    for (const [name, child] of Object.entries(part.value).reverse()) {
      const fault = faultOf(name);
      if (fault === undefined) open.push({ path: `${part.path}/${name}`, value: child });
      else faults.push({ path, message: `the name of a field ${fault}` });
    }
  }
  return faults.slice(0, maxFaults);
}

function faultOf(text: string): string | undefined {
  if (text.includes('\u0000')) return 'must not contain the NUL character';
  return text.isWellFormed() ? undefined : 'must not contain half of a surrogate pair';
}
