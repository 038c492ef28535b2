import { createOutageLog, type Logger } from '#platform/telemetry';
import { recoversAt, type SlowHost, slowDown, type Tally } from './host-pace.ts';
import { type LimitStore, updateTexts } from './limit-store.ts';

/** A transport's circuit that is not closed in some process. */
export type TroubledCircuit = { readonly state: 'open' | 'half_open'; readonly until: number; readonly at: number };

/** What all processes know of hosts that are slowed down, and of circuits that are not closed. */
export type View = {
  readonly hosts: Readonly<Record<string, SlowHost>>;
  /** By transport and process. */
  readonly circuits: Readonly<Record<string, Readonly<Record<string, TroubledCircuit>>>>;
};

export type SharedView = {
  /** As of the last look, which is at most some seconds old while mails are sent. */
  readonly hosts: () => ReadonlyMap<string, SlowHost>;
  /** The store's time minus this process's, as of the last look. */
  readonly nowMs: () => number;
  /** Looks once before the first mail, and from then on every second while mails are sent. */
  watch(): Promise<void>;
  /** Counts an answer. */
  record(host: string, wasDeferred: boolean): void;
  publishCircuit(transport: string, circuit: TroubledCircuit | undefined): void;
  /** A fresh look. @throws whatever the store throws */
  look(): Promise<View>;
  close(): Promise<void>;
};

export type SharedViewOptions = {
  readonly store: LimitStore;
  readonly process: string;
  readonly logger: Logger;
  /** How many processes send to this host. */
  readonly processesOf: (host: string) => number;
  readonly intervalMs?: number;
};

const viewKey = 'view';
const emptyView: View = { hosts: {}, circuits: {} };
const maxHosts = 2000;
/** Looks without an answer in between, after which nobody looks any more. */
const idleLooks = 30;
/** A process that died with an open circuit is not told of for ever. */
const circuitKeptMs = 120_000;
const keptMs = 3_600_000;

const parse = (text: string | undefined): View => (text === undefined ? emptyView : (JSON.parse(text) as View));

export function createSharedView({ store, process, logger, processesOf, intervalMs = 1000 }: SharedViewOptions): SharedView {
  const tallies = new Map<string, { taken: number; deferred: number }>();
  const outage = createOutageLog(logger, 'the store of the mail limits', { purpose: 'slow hosts' });
  let hosts: ReadonlyMap<string, SlowHost> = new Map();
  let offsetMs = 0;
  let tallySince = performance.now();
  let ownCircuits: Readonly<Record<string, TroubledCircuit>> = {};
  let isCircuitNews = false;
  let looksLeft = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let isClosed = false;

  function see(view: View, nowMs: number): void {
    hosts = new Map(Object.entries(view.hosts));
    offsetMs = nowMs - Date.now();
  }

  async function exchange(): Promise<void> {
    const seconds = Math.max(0.2, (performance.now() - tallySince) / 1000);
    const news = new Map([...tallies].filter(([, { deferred }]) => deferred > 0));
    tallies.clear();
    tallySince = performance.now();
    if (news.size === 0 && !isCircuitNews) {
      const stored = (await store.read([viewKey])).get(viewKey);
      if (stored !== undefined) see(parse(stored.text), stored.nowMs);
      return;
    }
    isCircuitNews = false;
    await updateTexts(store, [viewKey], (_, { text, nowMs }) => {
      const view = withNews(parse(text), news, seconds, nowMs);
      see(view, nowMs);
      return { text: JSON.stringify(view), keptMs };
    });
  }

  function withNews(view: View, news: ReadonlyMap<string, Tally>, seconds: number, nowMs: number): View {
    const next = new Map(Object.entries(view.hosts).filter(([, host]) => recoversAt(host) > nowMs));
    for (const [host, tally] of news) {
      const slowed = slowDown(next.get(host), tally, ((tally.taken + tally.deferred) / seconds) * processesOf(host), nowMs);
      if (slowed !== undefined && (next.has(host) || next.size < maxHosts)) next.set(host, slowed);
    }
    const circuits: Record<string, Record<string, TroubledCircuit>> = {};
    for (const [transport, byProcess] of Object.entries(view.circuits)) {
      for (const [id, circuit] of Object.entries(byProcess)) {
        if (id !== process && nowMs - circuit.at < circuitKeptMs) circuits[transport] = { ...circuits[transport], [id]: circuit };
      }
    }
    for (const [transport, circuit] of Object.entries(ownCircuits)) {
      circuits[transport] = { ...circuits[transport], [process]: { ...circuit, at: nowMs } };
    }
    return { hosts: Object.fromEntries(next), circuits };
  }

  function schedule(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      looksLeft -= 1;
      looking = exchange()
        .then(() => outage.up())
        .catch((error: unknown) => outage.down(error))
        .finally(() => {
          timer = undefined;
          if (looksLeft > 0) schedule();
        });
    }, intervalMs);
    timer.unref();
  }

  const wake = () => {
    looksLeft = idleLooks;
    schedule();
  };

  let first: Promise<void> | undefined;

  return {
    hosts: () => hosts,
    watch() {
      wake();
      first ??= exchange()
        .then(() => outage.up())
        .catch((error: unknown) => outage.down(error));
      return first;
    },
    nowMs: () => Date.now() + offsetMs,
    record(host, wasDeferred) {
      const tally = tallies.get(host) ?? { taken: 0, deferred: 0 };
      if (wasDeferred) tally.deferred += 1;
      else tally.taken += 1;
      tallies.set(host, tally);
      wake();
    },
    publishCircuit(transport, circuit) {
      const { [transport]: _, ...others } = ownCircuits;
      ownCircuits = circuit === undefined ? others : { ...others, [transport]: circuit };
      isCircuitNews = true;
      wake();
    },
    async look() {
      const stored = (await store.read([viewKey])).get(viewKey);
      const view = parse(stored?.text);
      if (stored !== undefined) see(view, stored.nowMs);
      return view;
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await Promise.all([first, looking]);
    },
  };
}
