import { type Database, type Queryable, sql } from '#platform/database';
import { createOutageLog, type Logger } from '#platform/telemetry';

/** What an operator has switched off: kept, and heard by all processes within seconds. */
export type TransportSwitches = {
  /** As of the last look; nothing is off as long as the database cannot be asked. */
  isOff(name: string): boolean;
  /** Looks once before the first mail; from then on every few seconds. */
  ready(): Promise<void>;
  close(): Promise<void>;
};

const lookEveryMs = 2000;

export type TransportSwitch = { readonly name: string; readonly isOff: boolean; readonly changedAt: Date; readonly changedBy: string };

export async function readSwitches(database: Database): Promise<readonly TransportSwitch[]> {
  return database.query(
    'mail-transports.switches',
    sql<TransportSwitch>`select name, is_off as "isOff", changed_at as "changedAt", changed_by as "changedBy" from mail_transport_switches`,
  );
}

/** @returns whether that changed anything */
export async function setSwitch(tx: Queryable, { name, isOff, changedAt, changedBy }: TransportSwitch): Promise<boolean> {
  const rows = await tx.query(
    'mail-transports.switch',
    sql<{ name: string }>`
      insert into mail_transport_switches (name, is_off, changed_at, changed_by) values (${name}, ${isOff}, ${changedAt}, ${changedBy})
      on conflict (name) do update set is_off = excluded.is_off, changed_at = excluded.changed_at, changed_by = excluded.changed_by
      where mail_transport_switches.is_off <> excluded.is_off
      returning name`,
  );
  return rows.length > 0;
}

export function createTransportSwitches(database: Database, logger: Logger): TransportSwitches {
  const outage = createOutageLog(logger, 'the database', { purpose: 'mail transports' });
  let off: ReadonlySet<string> = new Set();
  let first: Promise<void> | undefined;
  let looking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function look(): Promise<void> {
    looking = readSwitches(database)
      .then((switches) => {
        off = new Set(switches.filter(({ isOff }) => isOff).map(({ name }) => name));
        outage.up();
      })
      .catch((error: unknown) => outage.down(error))
      .finally(() => {
        if (isClosed) return;
        timer = setTimeout(() => void look(), lookEveryMs);
        timer.unref();
      });
    return looking;
  }

  return {
    isOff: (name) => off.has(name),
    ready() {
      first ??= look();
      return first;
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
