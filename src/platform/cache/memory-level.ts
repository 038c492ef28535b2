import { everything, type Scope } from './cache-key.ts';
import { TinyLfu, type TinyLfuFigures } from './tiny-lfu.ts';

/** Times are the process's own clock, in ms. */
export type MemoryEntry = {
  readonly value: unknown;
  readonly storedAtMs: number;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  /** From here on, being asked for starts a new fetch. Moved on when a fetch fails. */
  refreshAtMs: number;
  readonly scopes: readonly Scope[];
};

export type MemoryFigures = TinyLfuFigures & { readonly oldestAgeS: number; readonly meanAgeS: number };

/**
 * What one process keeps of a cache. Whatever is in it is valid: an invalidation removes what it names at once, found by an
 * index, so that a hit has nothing to check but the time.
 */
export type MemoryLevel = {
  get(ident: string): MemoryEntry | undefined;
  peek(ident: string): MemoryEntry | undefined;
  set(ident: string, entry: MemoryEntry, bytes: number): void;
  remove(ident: string): void;
  removeScope(scope: Scope): void;
  figures(nowMs: number): MemoryFigures;
};

export function createMemoryLevel(options: {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly random: () => number;
}): MemoryLevel {
  const index = new Map<Scope, Set<string>>();
  const entries = new TinyLfu<MemoryEntry>({ ...options, onEvict: forget });

  function forget(ident: string, entry: MemoryEntry): void {
    for (const scope of entry.scopes) {
      const idents = index.get(scope);
      if (idents?.delete(ident) === true && idents.size === 0) index.delete(scope);
    }
  }

  function remove(ident: string): void {
    const entry = entries.delete(ident);
    if (entry !== undefined) forget(ident, entry);
  }

  function removeScope(scope: Scope): void {
    if (scope === everything) {
      entries.clear();
      index.clear();
      return;
    }
    for (const ident of [...(index.get(scope) ?? [])]) remove(ident);
    if (scope.startsWith('k:')) remove(scope.slice(2));
  }

  return {
    get: (ident) => entries.get(ident),
    peek: (ident) => entries.peek(ident),
    remove,
    removeScope,
    set(ident, entry, bytes) {
      const before = entries.peek(ident);
      if (before !== undefined) forget(ident, before);
      // Indexed first: should it have to leave at once, it is taken out of the index like any other.
      for (const scope of entry.scopes) {
        // The key itself needs no index.
        if (scope.startsWith('k:')) continue;
        const idents = index.get(scope);
        if (idents === undefined) index.set(scope, new Set([ident]));
        else idents.add(ident);
      }
      if (!entries.set(ident, entry, bytes)) forget(ident, entry);
    },
    figures(nowMs) {
      let oldest = nowMs;
      let sum = 0;
      const figures = entries.figures();
      for (const { storedAtMs } of entries.values()) {
        oldest = Math.min(oldest, storedAtMs);
        sum += nowMs - storedAtMs;
      }
      const meanAgeS = figures.entries === 0 ? 0 : Math.round(sum / figures.entries / 100) / 10;
      return { ...figures, meanAgeS, oldestAgeS: Math.round((nowMs - oldest) / 100) / 10 };
    },
  };
}
