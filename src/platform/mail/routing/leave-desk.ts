import { createOutageLog, type Logger } from '#platform/telemetry';
import { createLimitBook, type LimitBook } from './limit-book.ts';
import { emptyState, keptMs, type LimitRates, type LimitState, renewLease } from './limit-state.ts';
import { type LimitStore, updateTexts } from './limit-store.ts';

export type LeaveDesk = {
  /** Leave of every limit, or of none. Without I/O. Limits that nobody has asked for yet give none: `ask` first. */
  tryTake(keys: readonly string[], isUrgent: boolean): boolean;
  /** Those of the limits that refuse now. */
  lacking(keys: readonly string[], isUrgent: boolean): readonly string[];
  /** Whether leave that was taken of these may still be used. */
  isCovered(keys: readonly string[]): boolean;
  /** Asks for parts of these limits, unless that was done a moment ago. Never rejects. */
  ask(wanted: ReadonlyMap<string, number>, isUrgent: boolean): Promise<void>;
  /** When asking again may help, in ms of `now`. */
  retryAt(keys: readonly string[]): number;
  giveBack(keys: readonly string[]): void;
  settle(keys: readonly string[]): void;
  /** The most processes that any of these limits is shared among, as far as is known. */
  processesOf(keys: readonly string[]): number;
  close(): Promise<void>;
};

export type LeaveDeskOptions = {
  readonly store: LimitStore;
  /** Of this life of this process. */
  readonly process: string;
  readonly ratesOf: (key: string) => LimitRates;
  readonly logger: Logger;
  /** Milliseconds, never going backwards. */
  readonly now?: () => number;
  readonly assumedProcesses?: number;
};

const lookEveryMs = 250;
const askEveryMs = 100;
/** What a lease lasts at the store, beyond the span that its messages count for. */
const leaseMs = 5000;
/** From when on nothing is begun by it: what was begun before has arrived when it ends. */
const safeLeaseMs = 3000;
/** After a failure nobody waits for the store for so long. */
const outagePauseMs = 1000;

export const limitKeyOf = (key: string): string => `limit:${key}`;

export function readLimitState(text: string | undefined): LimitState {
  return text === undefined ? emptyState : (JSON.parse(text) as LimitState);
}

/** Gives leave out of leased parts of limits that all processes share, and renews the leases while they are used. */
export function createLeaveDesk(options: LeaveDeskOptions): LeaveDesk {
  const { store, process, ratesOf, now = () => performance.now(), assumedProcesses = 4 } = options;
  const books = new Map<string, LimitBook>();
  const outage = createOutageLog(options.logger, 'the store of the mail limits', { purpose: 'mail limits' });
  let askedInVainAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function bookOf(key: string): LimitBook {
    let book = books.get(key);
    if (book === undefined) {
      book = createLimitBook(ratesOf(key), assumedProcesses);
      book.setAlone(now() - askedInVainAt < outagePauseMs, now());
      books.set(key, book);
      schedule();
    } else book.setRates(ratesOf(key));
    return book;
  }

  async function renew(keys: readonly string[]): Promise<void> {
    const startedAt = now();
    const claims = new Map(keys.map((key) => [limitKeyOf(key), { book: bookOf(key), claim: bookOf(key).claim(startedAt) }]));
    const grants = new Map<string, ReturnType<typeof renewLease>['grant'] & { readonly storeMs: number }>();
    try {
      const missed = await updateTexts(store, [...claims.keys()], (key, { text, nowMs }) => {
        const { book, claim } = claims.get(key) as { book: LimitBook; claim: ReturnType<LimitBook['claim']> };
        const rates = book.rates();
        const fullLeaseMs = leaseMs + (rates.pace?.spanMs ?? 0);
        const renewed = renewLease(readLimitState(text), { ...claim, process, rates, leaseMs: fullLeaseMs }, nowMs);
        grants.set(key, { ...renewed.grant, storeMs: nowMs });
        return { text: JSON.stringify(renewed.state), keptMs: keptMs(rates, fullLeaseMs) };
      });
      for (const [key, { book }] of claims) {
        const grant = grants.get(key);
        if (grant === undefined || missed.includes(key)) {
          book.fail();
          continue;
        }
        const reopensAt = grant.reopensAt === 0 ? 0 : startedAt + grant.reopensAt - grant.storeMs;
        book.setAlone(false, startedAt);
        book.apply({ ...grant, reopensAt }, startedAt, startedAt + safeLeaseMs);
      }
      outage.up();
    } catch (error) {
      outage.down(error);
      askedInVainAt = now();
      for (const { book } of claims.values()) book.fail();
      for (const book of books.values()) book.setAlone(true, askedInVainAt);
    }
  }

  /** One at a time: a claim must not be told twice at once. */
  function enqueue(choose: () => readonly string[]): Promise<void> {
    asking = asking.then(async () => {
      const keys = choose();
      if (keys.length > 0) await renew(keys);
    });
    return asking;
  }

  function schedule(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void renewAll();
    }, lookEveryMs);
    timer.unref();
  }

  async function renewAll(): Promise<void> {
    const idle = new Set([...books].filter(([, book]) => book.isIdle(now())).map(([key]) => key));
    // What is idle is told once more, so that the others can have its part.
    await enqueue(() => {
      if (now() - askedInVainAt < outagePauseMs) return [];
      return [...books].filter(([key, book]) => idle.has(key) || book.isDue(now())).map(([key]) => key);
    });
    for (const key of idle) if (books.get(key)?.isIdle(now()) === true) books.delete(key);
    if (books.size > 0) schedule();
  }

  return {
    tryTake(keys, isUrgent) {
      const time = now();
      const asked = keys.map(bookOf);
      if (!asked.every((book) => book.canTake(time, isUrgent))) return false;
      for (const book of asked) book.take(time, isUrgent);
      return true;
    },
    lacking: (keys, isUrgent) => keys.filter((key) => !bookOf(key).canTake(now(), isUrgent)),
    isCovered: (keys) => keys.every((key) => books.get(key)?.isCovered(now()) === true),
    async ask(wanted, isUrgent) {
      for (const [key, count] of wanted) bookOf(key).want(count, now(), isUrgent);
      await enqueue(() =>
        now() - askedInVainAt < outagePauseMs ? [] : [...wanted.keys()].filter((key) => now() - bookOf(key).lastAskedAt() >= askEveryMs),
      );
    },
    retryAt: (keys) =>
      Math.max(...keys.map((key) => bookOf(key)).map((book) => (book.canTake(now(), false) ? now() : book.retryAt(now())))),
    giveBack(keys) {
      for (const key of keys) books.get(key)?.giveBack();
    },
    settle(keys) {
      for (const key of keys) books.get(key)?.settle(now());
    },
    processesOf: (keys) => Math.max(1, ...keys.map((key) => books.get(key)?.processes() ?? 1)),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await asking;
      // What was sent is told, and the parts are free for the others at once.
      if (books.size > 0 && now() - askedInVainAt >= outagePauseMs) await enqueue(() => [...books.keys()]);
    },
  };
}
