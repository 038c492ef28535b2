// Each stands for a caller who was served in the last seconds.
const maxDebts = 10_000;
// Of an outage longer than this only the end is paid for: until then the bucket would have filled by itself.
const forgottenAfterMs = 10_000;

export type Debts = {
  add(key: string, tokens: number): void;
  /** What is owed, and from now on no longer. */
  settle(key: string): number;
};

/** Tokens that were granted without Redis, and are still to be taken from its buckets; negative: to be given back. */
export function createDebts(now: () => number): Debts {
  const debts = new Map<string, { tokens: number; readonly since: number }>();
  const isForgotten = (since: number): boolean => now() - since > forgottenAfterMs;
  return {
    add(key, tokens) {
      if (tokens === 0) return;
      const debt = debts.get(key);
      if (debt !== undefined && !isForgotten(debt.since)) {
        debt.tokens += tokens;
        return;
      }
      debts.delete(key);
      debts.set(key, { tokens, since: now() });
      if (debts.size > maxDebts) debts.delete(debts.keys().next().value ?? key);
    },
    settle(key) {
      const debt = debts.get(key);
      if (debt === undefined) return 0;
      debts.delete(key);
      return isForgotten(debt.since) ? 0 : debt.tokens;
    },
  };
}
