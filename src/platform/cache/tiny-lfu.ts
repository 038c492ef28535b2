import { FrequencySketch, hashText } from './frequency-sketch.ts';

type Queue = { readonly end: Node<unknown>; entries: number; bytes: number };

type Node<V> = {
  readonly key: string;
  readonly hash: number;
  value: V;
  bytes: number;
  queue: Queue | undefined;
  previous: Node<V>;
  next: Node<V>;
};

export type TinyLfuOptions<V> = {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Called for what leaves by itself, not for what is deleted or replaced. */
  readonly onEvict?: (key: string, value: V) => void;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
};

export type TinyLfuFigures = {
  readonly entries: number;
  readonly bytes: number;
  /** Had been admitted, and had to make room. */
  readonly evictions: number;
  /** Newcomers that were asked for less often than what they would have displaced. */
  readonly rejections: number;
};

const windowShare = 0.01;
const protectedShare = 0.8;
// What fills more than this of a cache would drive out too much else.
const maxShareOfOne = 0.25;
// Against one who knows the policy: a warm newcomer is let in now and then though it lost (as in Caffeine).
const luckyFrequency = 6;
const luckyChance = 1 / 128;

/**
 * W-TinyLFU (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage 13(4),
 * 2017): newcomers pass through a small LRU window; what falls out of it enters the main part, a segmented LRU, only if it was
 * asked for more often lately than what would have to leave. So a scan passes through and displaces nothing.
 *
 *     set ──▶ window ──(falls out)──▶ probation ◀──(falls out)── protected
 *                                      │     └──────(asked for)──────▶
 *                        (less often asked for: leaves)
 *
 * Every operation is O(1), amortised over the entries that leave. Never over `maxEntries` or `maxBytes` when a call returns.
 */
export class TinyLfu<V> {
  readonly #options: TinyLfuOptions<V>;
  readonly #nodes = new Map<string, Node<V>>();
  readonly #sketch: FrequencySketch;
  readonly #seed: number;
  readonly #random: () => number;
  readonly #window = createQueue();
  readonly #probation = createQueue();
  readonly #protected = createQueue();
  readonly #maxWindowEntries: number;
  readonly #maxWindowBytes: number;
  readonly #maxProtectedEntries: number;
  readonly #maxProtectedBytes: number;
  #bytes = 0;
  #evictions = 0;
  #rejections = 0;

  constructor(options: TinyLfuOptions<V>) {
    const { maxEntries, maxBytes } = options;
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#seed = Math.floor(this.#random() * 2 ** 32);
    this.#sketch = new FrequencySketch(maxEntries);
    this.#maxWindowEntries = Math.max(1, Math.floor(maxEntries * windowShare));
    this.#maxWindowBytes = Math.floor(maxBytes * windowShare);
    this.#maxProtectedEntries = Math.floor((maxEntries - this.#maxWindowEntries) * protectedShare);
    this.#maxProtectedBytes = Math.floor((maxBytes - this.#maxWindowBytes) * protectedShare);
  }

  /** The value, which counts as a request for it. */
  get(key: string): V | undefined {
    const node = this.#nodes.get(key);
    if (node === undefined) return undefined;
    this.#touch(node);
    return node.value;
  }

  /** The value, without any effect on what stays. */
  peek(key: string): V | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** False when the value was not taken in: too large, or asked for too seldom. What had that key before is gone then. */
  set(key: string, value: V, bytes: number): boolean {
    if (bytes > this.#options.maxBytes * maxShareOfOne || this.#options.maxEntries < 1) {
      this.delete(key);
      this.#rejections += 1;
      return false;
    }
    const known = this.#nodes.get(key);
    if (known !== undefined) {
      this.#resize(known, bytes);
      known.value = value;
      this.#touch(known);
    } else {
      const node = createNode(key, hashText(key, this.#seed), value, bytes);
      this.#nodes.set(key, node);
      this.#bytes += bytes;
      this.#sketch.increment(node.hash);
      link(this.#window, node);
    }
    this.#makeRoom();
    return this.#nodes.has(key);
  }

  delete(key: string): V | undefined {
    const node = this.#nodes.get(key);
    if (node === undefined) return undefined;
    this.#drop(node);
    return node.value;
  }

  clear(): void {
    for (const queue of [this.#window, this.#probation, this.#protected]) empty(queue);
    this.#nodes.clear();
    this.#bytes = 0;
  }

  /** Every value, in no order that means anything. For figures, not for requests. */
  *values(): Generator<V> {
    for (const { value } of this.#nodes.values()) yield value;
  }

  figures(): TinyLfuFigures {
    return { entries: this.#nodes.size, bytes: this.#bytes, evictions: this.#evictions, rejections: this.#rejections };
  }

  #touch(node: Node<V>): void {
    this.#sketch.increment(node.hash);
    if (node.queue === this.#probation) {
      move(this.#protected, node);
      this.#demote();
    } else if (node.queue !== undefined && node.queue.end.next !== node) {
      move(node.queue, node);
    }
  }

  #resize(node: Node<V>, bytes: number): void {
    const grownBy = bytes - node.bytes;
    node.bytes = bytes;
    this.#bytes += grownBy;
    if (node.queue !== undefined) node.queue.bytes += grownBy;
  }

  #demote(): void {
    const queue = this.#protected;
    while (queue.entries > this.#maxProtectedEntries || queue.bytes > this.#maxProtectedBytes) {
      const oldest = last<V>(queue);
      if (oldest === undefined) return;
      move(this.#probation, oldest);
    }
  }

  #isFull(): boolean {
    return this.#nodes.size > this.#options.maxEntries || this.#bytes > this.#options.maxBytes;
  }

  #makeRoom(): void {
    const window = this.#window;
    while (window.entries > this.#maxWindowEntries || window.bytes > this.#maxWindowBytes) {
      const candidate = last<V>(window);
      if (candidate === undefined) break;
      move(this.#probation, candidate);
      this.#admit(candidate);
    }
    // A value that grew where it stands: the least used of all leaves.
    this.#demote();
    while (this.#isFull()) {
      const victim = last<V>(this.#probation) ?? last<V>(this.#protected) ?? last<V>(window);
      if (victim === undefined) return;
      this.#evict(victim);
    }
  }

  /** Against each that would have to leave for it, until there is room or it has lost. */
  #admit(candidate: Node<V>): void {
    while (this.#isFull()) {
      const oldest = last<V>(this.#probation);
      const victim = oldest === candidate ? last<V>(this.#protected) : oldest;
      if (victim === undefined) return;
      const isBetter = this.#isBetter(candidate, victim);
      if (isBetter) this.#evict(victim);
      else this.#reject(candidate);
      if (!isBetter) return;
    }
  }

  #isBetter(candidate: Node<V>, victim: Node<V>): boolean {
    const frequency = this.#sketch.frequency(candidate.hash);
    if (frequency > this.#sketch.frequency(victim.hash)) return true;
    return frequency >= luckyFrequency && this.#random() < luckyChance;
  }

  #evict(node: Node<V>): void {
    this.#evictions += 1;
    this.#drop(node);
    this.#options.onEvict?.(node.key, node.value);
  }

  #reject(node: Node<V>): void {
    this.#rejections += 1;
    this.#drop(node);
    this.#options.onEvict?.(node.key, node.value);
  }

  #drop(node: Node<V>): void {
    unlink(node);
    this.#nodes.delete(node.key);
    this.#bytes -= node.bytes;
  }
}

function createNode<V>(key: string, hash: number, value: V, bytes: number): Node<V> {
  const node = { key, hash, value, bytes, queue: undefined } as unknown as Node<V>;
  node.previous = node;
  node.next = node;
  return node;
}

/** A ring: `end.next` is the newest, `end.previous` the oldest. */
function createQueue(): Queue {
  return { end: createNode<unknown>('', 0, undefined, 0), entries: 0, bytes: 0 };
}

function empty(queue: Queue): void {
  queue.end.next = queue.end;
  queue.end.previous = queue.end;
  queue.entries = 0;
  queue.bytes = 0;
}

function last<V>(queue: Queue): Node<V> | undefined {
  return queue.end.previous === queue.end ? undefined : (queue.end.previous as Node<V>);
}

function link<V>(queue: Queue, node: Node<V>): void {
  const end = queue.end as Node<V>;
  node.previous = end;
  node.next = end.next;
  end.next.previous = node;
  end.next = node;
  node.queue = queue;
  queue.entries += 1;
  queue.bytes += node.bytes;
}

function unlink<V>(node: Node<V>): void {
  const { queue } = node;
  if (queue === undefined) return;
  node.previous.next = node.next;
  node.next.previous = node.previous;
  node.queue = undefined;
  queue.entries -= 1;
  queue.bytes -= node.bytes;
}

function move<V>(queue: Queue, node: Node<V>): void {
  unlink(node);
  link(queue, node);
}
