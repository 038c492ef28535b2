import { type Queryable, sql } from '#platform/database';

export type RobotsState = {
  /** Null when it could not be read, or was not yet. */
  readonly robotsText: string | null;
  readonly robotsError: string | null;
  readonly isFresh: boolean;
};

/** A robots.txt is good for a day. One that could not be read is asked for again soon, a little later where an older one serves. */
const isFresh = sql<boolean>`
  coalesce(robots_fetched_at > clock_timestamp() - case
    when robots_error is null then interval '24 hours' when robots_txt is null then interval '1 second' else interval '10 minutes' end, false)`;

export async function addHost(database: Queryable, origin: string): Promise<void> {
  await database.execute('hosts.add', sql`insert into crawl_hosts (origin) values (${origin}) on conflict do nothing`);
}

export function findRobots(database: Queryable, origin: string): Promise<RobotsState | undefined> {
  return database.maybeOne<RobotsState>(
    'hosts.find-robots',
    sql`select robots_txt as "robotsText", robots_error as "robotsError", ${isFresh} as "isFresh" from crawl_hosts where origin = ${origin}`,
  );
}

export async function saveRobots(
  database: Queryable,
  origin: string,
  robots: { readonly text: string; readonly status: number; readonly crawlDelayMs: number },
): Promise<void> {
  await database.execute(
    'hosts.save-robots',
    sql`update crawl_hosts set robots_txt = ${robots.text}, robots_status = ${robots.status}, robots_error = null,
               robots_fetched_at = clock_timestamp(), crawl_delay_ms = ${robots.crawlDelayMs}
        where origin = ${origin}`,
  );
}

export async function saveRobotsError(database: Queryable, origin: string, reason: string, status: number | undefined): Promise<void> {
  await database.execute(
    'hosts.save-robots-error',
    sql`update crawl_hosts set robots_error = ${reason}, robots_status = ${status ?? null}, robots_fetched_at = clock_timestamp()
        where origin = ${origin}`,
  );
}

/** A turn that was taken; it names the host and, so that only its holder gives it back, the time until which it is held. */
export type Turn = { readonly origin: string; readonly busyUntil: string };

/*
 * The turnstile of a host, shared by all processes: one request at a time, and none before the crawl delay has passed since
 * the last one was answered. All times are the database's own, so that clocks of different machines do not matter.
 */

/** Takes the turn if it is free at this moment. */
export function takeTurn(database: Queryable, origin: string, leaseMs: number): Promise<Turn | undefined> {
  return database.maybeOne<Turn>(
    'hosts.take-turn',
    sql`update crawl_hosts set busy_until = clock_timestamp() + make_interval(secs => ${leaseMs / 1000})
        where origin = ${origin} and next_fetch_at <= clock_timestamp() and (busy_until is null or busy_until <= clock_timestamp())
        returning origin, busy_until::text as "busyUntil"`,
  );
}

/** How long until the turn may be free; a request that is under way is given `busyMs`. */
export async function timeToTurn(database: Queryable, origin: string, busyMs: number): Promise<number> {
  const row = await database.maybeOne<{ waitMs: number }>(
    'hosts.time-to-turn',
    sql`select (ceil(greatest(0, extract(epoch from next_fetch_at - clock_timestamp()) * 1000,
                    case when busy_until > clock_timestamp() then ${busyMs}::numeric else 0 end)))::int as "waitMs"
        from crawl_hosts where origin = ${origin}`,
  );
  return row?.waitMs ?? 0;
}

/** Gives the turn back once the host has answered. Its next request may leave after the crawl delay, or after `pauseMs` if that is longer. */
export async function giveTurnBack(database: Queryable, turn: Turn, pauseMs: number): Promise<void> {
  await database.execute(
    'hosts.give-turn-back',
    sql`update crawl_hosts
        set busy_until = null, next_fetch_at = clock_timestamp() + make_interval(secs => greatest(crawl_delay_ms, ${pauseMs}::float8) / 1000.0)
        where origin = ${turn.origin} and busy_until = ${turn.busyUntil}::timestamptz`,
  );
}

/** Gives back a turn in which nothing was sent. */
export async function returnUnused(database: Queryable, turn: Turn): Promise<void> {
  await database.execute(
    'hosts.return-unused',
    sql`update crawl_hosts set busy_until = null where origin = ${turn.origin} and busy_until = ${turn.busyUntil}::timestamptz`,
  );
}

export async function readCrawlDelay(database: Queryable, origin: string): Promise<number | undefined> {
  const row = await database.maybeOne<{ crawlDelayMs: number }>(
    'hosts.crawl-delay',
    sql`select crawl_delay_ms as "crawlDelayMs" from crawl_hosts where origin = ${origin}`,
  );
  return row?.crawlDelayMs;
}
