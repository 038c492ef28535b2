/** Settings of one request. Every limit has a default, so that none is forgotten. */
export type HttpRequest = {
  /** GET unless told. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Of the body, as it was sent and as it is decompressed; 10 MiB unless told. */
  readonly maxBytes?: number;
  /**
   * For everything from name resolution to the last byte, over all redirects; 30 s unless told. Waiting for a turn and for
   * `onRedirect` is not counted.
   */
  readonly totalTimeoutMs?: number;
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
   * `too_many_redirects`, `body_too_large`, `response_invalid`, `request_aborted`, `client_overloaded`, `client_closed`
   */
  fetch(url: string | URL, request?: HttpRequest): Promise<HttpResponse>;
  /** Ends every connection. What still runs fails with `client_closed`. */
  close(): Promise<void>;
};
