/** Settings of one request. Every limit has a default, so that none is forgotten. */
export type HttpRequest = {
  /** GET unless told. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Of the body, as it was sent and as it is decompressed; 10 MiB unless told. */
  readonly maxBytes?: number;
  /**
   * For everything from name resolution to the last byte, over all redirects and retries with the pauses before them; 30 s unless
   * told. Waiting for a turn and for `onRedirect` is not counted.
   */
  readonly totalTimeoutMs?: number;
  /**
   * Attempts after the first one, over all redirects; 2 unless told. Only of GET, HEAD, PUT and DELETE, and of what carries an
   * Idempotency-Key; after a failed connection or one of 408, 425, 429, 500, 502, 503 and 504. Where Retry-After asks for more than is
   * left of the total time, the answer is given as it is. With 0 each call is one request: who paces requests himself needs that.
   */
  readonly retries?: number;
  /**
   * The address comes from the configuration and from nobody's input: the hosts of `serviceHosts` may then be at a private address.
   */
  readonly isToService?: boolean;
  /** 5 unless told. With 0 the first redirect is an error. */
  readonly maxRedirects?: number;
  readonly signal?: AbortSignal;
  /**
   * Asked before a redirect is followed, with the absolute address that it leads to. Throwing vetoes it: `fetch` then fails
   * with that error as it is. No connection is held meanwhile, so it may itself fetch (a robots.txt, say).
   */
  readonly onRedirect?: (url: string) => Promise<void> | void;
};

export type HttpResponse = {
  readonly status: number;
  /** Where the answer came from in the end, without a fragment. */
  readonly url: string;
  /** The addresses that redirected, in order; empty when the first one answered. */
  readonly redirects: readonly string[];
  /** Names in lower case; a repeated header joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Decompressed, not decoded. */
  readonly body: Buffer;
};

export type HttpClient = {
  /**
   * Any status that is no redirect is an answer, not an error.
   * @throws AppError `invalid_url`, `unsupported_scheme`, `address_refused`, `dns_failed`, `connect_failed`, `timed_out`,
   * `too_many_redirects`, `body_too_large`, `response_invalid`, `request_aborted`, `client_overloaded`, `client_closed`,
   * `host_unavailable` (retryable, with `retryAfterSeconds`): the host failed so often in a row that it is spared for a while
   */
  fetch(url: string | URL, request?: HttpRequest): Promise<HttpResponse>;
  /** Ends every connection. What still runs fails with `client_closed`. */
  close(): Promise<void>;
};
