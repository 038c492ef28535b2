import { createHash } from 'node:crypto';

export type PreparedStatements = {
  /** The name under which a connection keeps the statement's plan, or undefined while it is not worth keeping. */
  nameOf(text: string): string | undefined;
};

// What is run this often will be run again.
const preparedFrom = 3;
// Each takes some ten KB in each connection's server process.
const maxPrepared = 100;
const maxCounted = 2000;

/**
 * Parsing and planning a statement often takes the server longer than running it: those that come again and again are kept prepared
 * on each connection. Texts hold no values, so there are as many as the code has; where it makes them up, the bounds hold.
 */
export function createPreparedStatements(): PreparedStatements {
  const runs = new Map<string, number>();
  const names = new Map<string, string>();
  return {
    nameOf(text) {
      const name = names.get(text);
      if (name !== undefined || names.size >= maxPrepared) return name;
      const count = (runs.get(text) ?? 0) + 1;
      if (count < preparedFrom) {
        if (runs.size < maxCounted || runs.has(text)) runs.set(text, count);
        return undefined;
      }
      runs.delete(text);
      // The driver refuses another text under a name that it knows.
      const made = `aquascene_${createHash('sha256').update(text).digest('base64url').slice(0, 24)}`;
      names.set(text, made);
      return made;
    },
  };
}

/** A prepared statement's result may have other columns since the schema was changed: PostgreSQL then refuses to run it. */
export function isStalePlan(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '0A000' && error.message.includes('cached plan');
}
