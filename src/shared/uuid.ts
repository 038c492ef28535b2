const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What PostgreSQL takes as a uuid in the form in which it gives one out; anything else would fail the statement. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}
