const rows = 4;
const maxCount = 15;
// One row per key is only so good as its luck: four rows of four counters a key keep the error of the minimum small.
const countersPerEntry = 4;
const samplesPerEntry = 10;

/** 32-bit FNV-1a of the text, its bits mixed once more; `seed` keeps outsiders from choosing keys that collide. */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * How often a key was asked for lately, roughly and in constant memory: a count-min sketch (Cormode, Muthukrishnan 2005) of
 * counters up to 15, which are all halved after ten requests an entry, as TinyLFU has it (Einziger, Friedman, Manes 2017).
 */
export class FrequencySketch {
  readonly #counters: Uint8Array;
  readonly #mask: number;
  readonly #sampleSize: number;
  #samples = 0;

  constructor(maxEntries: number) {
    const width = 2 ** Math.ceil(Math.log2(Math.max(16, maxEntries * countersPerEntry)));
    this.#counters = new Uint8Array(width * rows);
    this.#mask = width - 1;
    this.#sampleSize = Math.max(16, maxEntries * samplesPerEntry);
  }

  frequency(hash: number): number {
    const step = stepOf(hash);
    let least = maxCount;
    for (let row = 0; row < rows; row += 1) least = Math.min(least, this.#counters[this.#index(hash, step, row)] ?? 0);
    return least;
  }

  increment(hash: number): void {
    const step = stepOf(hash);
    let isCounted = false;
    for (let row = 0; row < rows; row += 1) {
      const index = this.#index(hash, step, row);
      const count = this.#counters[index] ?? 0;
      if (count === maxCount) continue;
      this.#counters[index] = count + 1;
      isCounted = true;
    }
    if (isCounted && (this.#samples += 1) >= this.#sampleSize) this.#age();
  }

  #index(hash: number, step: number, row: number): number {
    return (((hash + Math.imul(step, row)) & this.#mask) << 2) | row;
  }

  #age(): void {
    const counters = this.#counters;
    for (let index = 0; index < counters.length; index += 1) counters[index] = (counters[index] ?? 0) >> 1;
    this.#samples >>= 1;
  }
}

/** Double hashing: the rows' places are as good as independent when the step is odd. */
function stepOf(hash: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 7) | 1;
}
