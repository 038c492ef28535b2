/** What the processes share, by key: text with a version, written only by who has read the last version. */
export type LimitStore = {
  /** Each key's text with the store's time at the reading. A text that expired may be there still. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, StoredText>>;
  /** Writes those whose version is still the one that was read; returns their keys. */
  write(changes: readonly TextChange[]): Promise<ReadonlySet<string>>;
};

export type StoredText = {
  /** 0 when there is none. */
  readonly version: number;
  readonly text: string | undefined;
  /** Milliseconds since 1970, by the store's own clock. */
  readonly nowMs: number;
};

export type TextChange = {
  readonly key: string;
  readonly version: number;
  readonly text: string;
  /** It may be forgotten then. */
  readonly keptMs: number;
};

export type TextUpdate = { readonly text: string; readonly keptMs: number };

const maxTries = 8;

/**
 * Changes texts by pure functions of what stands, tried again while others change them too. Returns the keys that could not
 * be changed for that. `change` answers undefined to leave a text as it is.
 */
export async function updateTexts(
  store: LimitStore,
  keys: readonly string[],
  change: (key: string, stored: StoredText) => TextUpdate | undefined,
): Promise<readonly string[]> {
  let left = [...keys];
  for (let tries = 0; tries < maxTries && left.length > 0; tries += 1) {
    const stored = await store.read(left);
    const changes: TextChange[] = [];
    for (const key of left) {
      const found = stored.get(key);
      const update = found && change(key, found);
      if (found !== undefined && update !== undefined) changes.push({ key, version: found.version, ...update });
    }
    if (changes.length === 0) return [];
    const written = await store.write(changes);
    left = changes.map(({ key }) => key).filter((key) => !written.has(key));
  }
  return left;
}
