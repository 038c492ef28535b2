import { createJobQueue } from './job-queue.ts';
import { type OpenSession, openSession } from './open-session.ts';
import type { SmtpServerAddress } from './smtp-server-url.ts';
import { createSmtpSession, type SmtpJob, type SmtpSession } from './smtp-session.ts';

export type SmtpPoolOptions = {
  readonly server: SmtpServerAddress;
  readonly clientName?: string;
  readonly isPipelining: boolean;
  readonly maxConnections: number;
  readonly maxMessagesPerConnection: number;
  readonly connectTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** A further connection could not be opened while others work: no message hears of it. */
  onFewerConnections(error: Error): void;
};

export type SmtpPool = {
  submit(job: SmtpJob): void;
  /** Opens a session of its own and ends it. @throws Error when it cannot */
  verify(): Promise<void>;
  /** What is under way is finished; what waits fails, surely not taken. */
  close(): Promise<void>;
};

/** A connection may end under a message so often before that is the message's failure. */
const maxLosses = 2;
/** While other connections work, one that could not be opened is not tried again for so long: servers limit them. */
const reopenAfterMs = 5000;
const [minTickMs, maxTickMs] = [10, 1000];

export function createSmtpPool(options: SmtpPoolOptions): SmtpPool {
  const queue = createJobQueue<SmtpJob>();
  const sessions = new Set<SmtpSession>();
  const idle: SmtpSession[] = [];
  const openings = new Set<Promise<void>>();
  const emptied = Promise.withResolvers<void>();
  let opensAgainAt = 0;
  let isClosing = false;
  let ticker: NodeJS.Timeout | undefined;

  const owner = {
    next: () => (isClosing ? undefined : queue.take()),
    surplus: () => (isClosing || queue.size() <= openings.size ? undefined : queue.take()),
    onIdle(session: SmtpSession) {
      if (isClosing) session.quit();
      else idle.push(session);
    },
    onEnd(session: SmtpSession, unsent: readonly SmtpJob[], reason: Error) {
      sessions.delete(session);
      remove(idle, session);
      for (const job of unsent.toReversed()) retry(job, reason);
      // Where one is lost, those that were quiet for as long are no safer: what is tried again goes to a new one.
      if (unsent.length > 0) for (const quiet of idle.splice(0)) quiet.abort(reason);
      openMore();
      finishClosing();
    },
  };

  return {
    submit(job) {
      if (isClosing) return failJob(job, new Error('it is being closed'));
      const session = idle.pop();
      if (session !== undefined) return session.start(job);
      queue.push(job);
      openMore();
      watch();
    },
    async verify() {
      const { channel } = await open();
      channel.end('QUIT\r\n');
    },
    async close() {
      isClosing = true;
      for (let job = queue.take(); job !== undefined; job = queue.take()) failJob(job, new Error('it is being closed'));
      for (const session of idle.splice(0)) session.quit();
      finishClosing();
      await emptied.promise;
      clearInterval(ticker);
    },
  };

  function open(): Promise<OpenSession> {
    const { server, connectTimeoutMs: timeoutMs, clientName } = options;
    return openSession({ server, timeoutMs, ...(clientName !== undefined && { clientName }) });
  }

  function finishClosing(): void {
    if (isClosing && sessions.size === 0 && openings.size === 0) emptied.resolve();
  }

  function retry(job: SmtpJob, reason: Error): void {
    job.losses += 1;
    if (isClosing || job.losses > maxLosses) failJob(job, reason);
    else queue.putBack(job);
  }

  function openMore(): void {
    while (!isClosing && queue.size() > openings.size && sessions.size + openings.size < options.maxConnections) {
      if (sessions.size > 0 && performance.now() < opensAgainAt) return;
      const opening = openOne().finally(() => {
        openings.delete(opening);
        finishClosing();
      });
      openings.add(opening);
    }
  }

  async function openOne(): Promise<void> {
    const opened = await open().then(
      (session) => session,
      (error: Error) => error,
    );
    if (opened instanceof Error) {
      onOpenFailed(opened);
      return;
    }
    const session = createSmtpSession({
      open: opened,
      owner,
      isPipelining: options.isPipelining,
      maxMessages: options.maxMessagesPerConnection,
    });
    sessions.add(session);
    session.listen();
    watch();
    // It may have ended already.
    if (!sessions.has(session)) return;
    const job = owner.next();
    if (job === undefined) owner.onIdle(session);
    else session.start(job);
  }

  function onOpenFailed(error: Error): void {
    opensAgainAt = performance.now() + reopenAfterMs;
    // Those that work, or that are being opened, take what waits.
    if (sessions.size > 0 || openings.size > 1) {
      options.onFewerConnections(error);
      return;
    }
    for (let job = queue.take(); job !== undefined; job = queue.take()) failJob(job, error);
  }

  /** One timer for all: a message has none of its own. */
  function watch(): void {
    if (ticker !== undefined) return;
    const shortest = Math.min(options.silenceTimeoutMs, options.sendTimeoutMs, options.idleTimeoutMs);
    ticker = setInterval(tick, Math.min(Math.max(shortest / 10, minTickMs), maxTickMs));
    ticker.unref();
  }

  function tick(): void {
    const now = performance.now();
    for (const session of sessions) checkSession(session, now);
    for (let job = queue.peek(); job !== undefined && now - job.startedAt > options.sendTimeoutMs; job = queue.peek()) {
      queue.take();
      failJob(job, overdue());
    }
    openMore();
    if (sessions.size > 0 || openings.size > 0 || queue.size() > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  }

  function checkSession(session: SmtpSession, now: number): void {
    const quietMs = now - session.quietSince();
    const job = session.oldestJob();
    if (job === undefined) {
      if (quietMs <= options.idleTimeoutMs || !idle.includes(session)) return;
      remove(idle, session);
      session.quit();
    } else if (now - job.startedAt > options.sendTimeoutMs) session.abort(overdue(), job);
    else if (quietMs > options.silenceTimeoutMs) session.abort(new Error(`the server was silent for ${options.silenceTimeoutMs} ms`), job);
  }

  function overdue(): Error {
    return new Error(`not answered within ${options.sendTimeoutMs} ms`);
  }
}

function failJob(job: SmtpJob, reason: Error): void {
  if (job.isSettled) return;
  job.isSettled = true;
  job.fail(reason);
}

function remove<T>(items: T[], item: T): void {
  const index = items.indexOf(item);
  if (index !== -1) items.splice(index, 1);
}
