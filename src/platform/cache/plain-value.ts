export type Measured = {
  /** About the encoded size in bytes; whatever is beyond the limit is not counted. */
  readonly bytes: number;
  readonly isTooLarge: boolean;
  /** MessagePack gives back an equal value. */
  readonly isPlain: boolean;
  /** JSON does too. */
  readonly isJson: boolean;
};

const perContainer = 5;
const perNumber = 9;

/**
 * Looks through the value once, and freezes its plain objects and arrays on the way. Stops at `maxBytes`, so that it never
 * takes long; the rest of a value that is too large stays unfrozen, and is not kept.
 */
export function freezeAndMeasure(value: unknown, maxBytes: number): Measured {
  let bytes = 0;
  let isPlain = true;
  let isJson = true;
  // Not recursive: depth comes with the data.
  const open: unknown[] = [value];
  const seen = new Set<object>();

  const addContainer = (container: object, children: readonly unknown[]) => {
    bytes += perContainer;
    // A value that contains itself, or one part twice: MessagePack would write it twice, or without end.
    if (seen.has(container)) isPlain = false;
    else for (const child of children) open.push(child);
    seen.add(container);
    Object.freeze(container);
  };

  while (open.length > 0 && bytes <= maxBytes) {
    const part = open.pop();
    if (typeof part === 'string') bytes += part.length + 3;
    else if (typeof part === 'number') {
      bytes += perNumber;
      isJson &&= Number.isFinite(part) && !Object.is(part, -0);
    } else if (part === null || typeof part === 'boolean') bytes += 1;
    else if (Array.isArray(part)) {
      if (bytes + part.length > maxBytes) bytes += part.length;
      else addContainer(part, part);
    } else if (isPlainObject(part)) {
      const keys = Object.keys(part);
      for (const key of keys) {
        bytes += key.length + 2;
        // Neither format gives it back as it is.
        if (key === '__proto__') isPlain = false;
      }
      if (bytes <= maxBytes) addContainer(part, Object.values(part));
    } else {
      isJson = false;
      bytes += sizeOfOther(part, open) ?? 0;
      isPlain &&= isOtherPlain(part);
    }
  }
  return { bytes, isTooLarge: bytes > maxBytes, isPlain, isJson: isJson && isPlain };
}

/** Of a value that was decoded: a tree of bounded size, of which only the plain objects and arrays are frozen. */
export function freezeDecoded(value: unknown): void {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const part = open.pop();
    if (part instanceof Set) for (const member of part) open.push(member);
    if (!Array.isArray(part) && !isPlainObject(part)) continue;
    Object.freeze(part);
    for (const child of Object.values(part)) if (typeof child === 'object' && child !== null) open.push(child);
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isOtherPlain(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value;
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  return value instanceof Set || value instanceof Uint8Array;
}

function sizeOfOther(value: unknown, open: unknown[]): number | undefined {
  if (value instanceof Uint8Array) return value.byteLength + perContainer;
  if (value instanceof Set) {
    for (const member of value) open.push(member);
    return perContainer;
  }
  return perNumber;
}
