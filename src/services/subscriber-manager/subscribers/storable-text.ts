import { type FieldFault, invalid } from '#shared/errors';

const maxFaults = 20;

/**
 * PostgreSQL keeps no NUL character, and its jsonb no half of a surrogate pair. Refused here with the field's name, rather
 * than by the database without it.
 * @throws AppError `invalid_request`
 */
export function checkStorableText(value: unknown, root = ''): void {
  const faults: FieldFault[] = [];
  // A list instead of recursion: JSON can be nested deeper than the stack is.
  const open: { readonly path: string; readonly value: unknown }[] = [{ path: root, value }];
  for (let part = open.pop(); part !== undefined && faults.length < maxFaults; part = open.pop()) {
    if (typeof part.value === 'string') {
      const message = findFault(part.value);
      if (message !== undefined) faults.push({ path: part.path || '/', message });
    } else if (typeof part.value === 'object' && part.value !== null) {
      for (const [name, child] of Object.entries(part.value)) {
        const message = findFault(name);
        if (message !== undefined) faults.push({ path: part.path || '/', message: `the name of a field ${message}` });
        else open.push({ path: `${part.path}/${name}`, value: child });
      }
    }
  }
  if (faults.length > 0) throw invalid(`The text is not valid: ${faults.map((f) => `${f.path} ${f.message}`).join('; ')}.`, faults);
}

function findFault(text: string): string | undefined {
  if (text.includes('\u0000')) return 'must not contain the NUL character';
  return text.isWellFormed() ? undefined : 'must not contain half of a surrogate pair';
}
