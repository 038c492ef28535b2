const maxNameLength = 100;

/** A name as it may stand in a greeting and in a header: one line, no control characters, of a bearable length. */
export function cleanName(name: string | null): string | null {
  const cleaned = (name ?? '')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, maxNameLength)
    .trim();
  return cleaned === '' ? null : cleaned;
}
