import type { Readable } from 'node:stream';

export type ObjectInfo = {
  readonly key: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly cacheControl: string | undefined;
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * SHA-256 of the content, in hex. Undefined only where an S3 object's headers had to leave before its content was known: what came
   * as a stream, in more than one part, and without `sha256`. `put` gives it in any case.
   */
  readonly sha256: string | undefined;
  /** A strong entity tag, with its quotes. Opaque: it says whether two contents are the same, not what they are. */
  readonly etag: string;
  /** To the second, by the clock of the disk or of the server. */
  readonly modifiedAt: Date;
};

/** What a writer knows of what it wrote. */
export type WrittenObject = Omit<ObjectInfo, 'modifiedAt'>;

export type StoredObject = ObjectInfo & {
  /** The first and last byte of `body` within the object when a range was asked for. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
  /** Must be read to its end or destroyed: it holds a file or a connection. Fails with `storage_unavailable` where content is cut short. */
  readonly body: Readable;
};

export type Missing = { readonly kind: 'missing' };
export type HeadOutcome = Missing | ({ readonly kind: 'found' } & ObjectInfo);
export type GetOutcome =
  | Missing
  | ({ readonly kind: 'found' } & StoredObject)
  /** The object has no byte of the range. */
  | { readonly kind: 'unsatisfiable'; readonly sizeBytes: number };
export type CopyOutcome = Missing | ({ readonly kind: 'copied' } & WrittenObject);

/** From `start` to `end`, both included, or to the object's end; or the last `suffixLength` bytes. */
export type ByteRange = { readonly start: number; readonly end?: number } | { readonly suffixLength: number };

type Cancellable = {
  /** Aborted, the call rejects with the signal's reason, and nothing of it remains. */
  readonly signal?: AbortSignal | undefined;
};

export type PutOptions = Cancellable & {
  readonly contentType: string;
  readonly cacheControl?: string | undefined;
  /** Names of a–z, 0–9 and dashes; any text as value; 2 KB in all. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** More than this fails with `object_too_large`. */
  readonly maxBytes?: number;
  /** What the content must have, in hex; else `checksum_mismatch`. */
  readonly sha256?: string | undefined;
};

export type ListedObject = Pick<ObjectInfo, 'key' | 'sizeBytes' | 'etag' | 'modifiedAt'>;

export type ListOptions = Cancellable & {
  readonly prefix?: string;
  /** Only keys beyond this one: `next` of the page before. */
  readonly after?: string;
  /** 1 to 1000 (the default). */
  readonly limit?: number;
};

export type ListPage = {
  /** In the order of the keys' UTF-8 bytes. */
  readonly items: readonly ListedObject[];
  /** `after` of the next page. Undefined: this was the last one. */
  readonly next: string | undefined;
};

export type SignedUrlOptions = {
  /** GET also takes HEAD. */
  readonly method: 'GET' | 'PUT';
  /** At most 7 days. */
  readonly expiresInS: number;
  /** PUT: what the upload must declare, and is stored with. */
  readonly contentType?: string;
};

/**
 * Objects by key. A key has 1 to 1024 bytes of UTF-8, no control characters, and no segment between slashes that is empty, `.` or `..`.
 *
 * A reader sees a whole object, old or new, content and properties together, whatever happens to the writer. Failures are
 * AppErrors: `invalid_object_key` (422), `object_too_large` (413), `checksum_mismatch` (422), `storage_full` (507, retryable) and
 * `storage_unavailable` (503, retryable unless another try cannot help, such as after wrong credentials). What the given body fails
 * with is passed on as it is.
 */
export type Storage = {
  /** Overwrites. The body is read once, with a bounded part of it in memory; on failure it is destroyed, and nothing is stored. */
  put(key: string, body: Readable | Uint8Array, options: PutOptions): Promise<WrittenObject & { readonly sha256: string }>;
  get(key: string, options?: Cancellable & { readonly range?: ByteRange }): Promise<GetOutcome>;
  head(key: string, options?: Cancellable): Promise<HeadOutcome>;
  exists(key: string, options?: Cancellable): Promise<boolean>;
  /** Of what is not there too: afterwards it is not there. */
  remove(key: string, options?: Cancellable): Promise<void>;
  /** Tries them all, whatever fails on the way. */
  removeMany(keys: readonly string[], options?: Cancellable): Promise<void>;
  list(options?: ListOptions): Promise<ListPage>;
  /** Content and properties, overwriting. */
  copy(from: string, to: string, options?: Cancellable): Promise<CopyOutcome>;
  /** An address under which whoever holds it reads or writes this one object, for this long. */
  signedUrl(key: string, options: SignedUrlOptions): Promise<string>;
  /** Removes what killed processes left of uploads that they began before this time. @returns their number */
  removeAbandonedUploads(before: Date): Promise<number>;
  /** Fails when objects cannot be reached: for readiness and diagnosis. */
  check(): Promise<void>;
  close(): Promise<void>;
};
