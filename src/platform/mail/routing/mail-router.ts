import type { Database } from '#platform/database';
import type { RedisClient } from '#platform/redis';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import type { HostLimits } from '#shared/mail-host-limits';
import { domainOf } from '#shared/mail-hosts';
import type { TransportSettings } from '#shared/mail-transports';
import type { MailTransport, SendOutcome } from '../mail-transport.ts';
import { createMember, type Member } from './fleet.ts';
import { asksToSlowDown } from './host-pace.ts';
import { createLeaveDesk } from './leave-desk.ts';
import { createLeaves, type Ticket } from './leaves.ts';
import { createLimitRules } from './limit-rules.ts';
import { createPostgresLimitStore } from './postgres-limit-store.ts';
import { prependHeaders } from './prepend-headers.ts';
import { providerHeaders } from './providers/provider-headers.ts';
import { createRedisLimitStore } from './redis-limit-store.ts';
import type { MailRouter, Permit, RoutedOutcome } from './router-types.ts';
import { createRoutingFigures } from './routing-figures.ts';
import { createRoutingReport } from './routing-report.ts';
import { createSharedView } from './shared-view.ts';
import { createTransportSwitches } from './transport-switches.ts';

export type MailRouterOptions = {
  readonly transports: readonly TransportSettings[];
  readonly hostLimits: HostLimits;
  /** Opens one of them. */
  readonly open: (settings: TransportSettings) => MailTransport;
  readonly database: Database;
  /** Limits are kept in it when there is one, else in the database. */
  readonly redis?: RedisClient | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How long a mail without a permit waits for leave. */
  readonly patienceMs?: number;
};

type HandOver = (member: Member) => Promise<SendOutcome>;

export function createMailRouter(options: MailRouterOptions): MailRouter {
  const { clock, logger, database, redis, patienceMs = 5000 } = options;
  const processId = clock.newId();
  const store = redis === undefined ? createPostgresLimitStore(database) : createRedisLimitStore(redis);
  const switches = createTransportSwitches(database, logger);
  const figures = createRoutingFigures(options.metrics, options.hostLimits);
  const view = createSharedView({
    store,
    process: processId,
    logger,
    processesOf: (host) => desk.processesOf(rules.knownKeysOf(host)),
  });
  const rules = createLimitRules({ transports: options.transports, hostLimits: options.hostLimits, view, clock });
  const desk = createLeaveDesk({ store, process: processId, ratesOf: rules.ratesOf, logger });
  const members = options.transports.map((settings) =>
    createMember(settings, options.open(settings), (state, retryInMs) => {
      const level = state === 'open' ? 'warn' : 'info';
      logger[level]({ transport: settings.name, state }, 'the circuit of a mail transport has changed');
      figures.circuit(settings.name, state);
      const until = view.nowMs() + retryInMs;
      view.publishCircuit(settings.name, state === 'closed' ? undefined : { state, until, at: view.nowMs() });
    }),
  );
  for (const { settings } of members) figures.circuit(settings.name, 'closed');
  const leaves = createLeaves({ members, switches, view, rules, desk, figures, random: clock.random });
  const [only] = members;

  async function route(domain: string, permit: Permit | undefined, handOver: HandOver): Promise<RoutedOutcome> {
    const tried = new Set<Member>();
    const isUrgent = permit === undefined;
    let ticket = (permit && leaves.use(permit)) ?? (await leaves.acquire(domain, tried, { waitMs: patienceMs, isUrgent }));
    for (;;) {
      const { member, keys, host } = ticket;
      tried.add(member);
      let failure: unknown;
      if (member.circuit.tryAcquire()) {
        const attempt = await tryOnce(ticket, handOver);
        if ('outcome' in attempt) return { ...attempt.outcome, transport: member.settings.name };
        failure = attempt.failure;
      } else {
        desk.giveBack(keys);
        failure = leaves.noTransport();
      }
      figures.failedOver(member.settings.name, host);
      ticket = await leaves.acquire(domain, tried, { waitMs: 0, isUrgent }).catch(() => {
        throw failure;
      });
    }
  }

  /** Only what surely was not taken comes back as a failure; whatever else goes wrong is thrown, and tried nowhere else. */
  async function tryOnce(ticket: Ticket, handOver: HandOver): Promise<{ outcome: SendOutcome } | { failure: unknown }> {
    const { member, keys, host } = ticket;
    try {
      const outcome = await handOver(member);
      desk.settle(keys);
      if (outcome.kind === 'unknown') member.circuit.failed();
      else member.circuit.succeeded();
      figures.answered(member.settings.name, host, outcome.kind);
      if (outcome.kind !== 'unknown') view.record(host, asksToSlowDown(outcome));
      return { outcome };
    } catch (error) {
      member.circuit.failed();
      if (error instanceof AppError && error.code === 'mail_unavailable') {
        desk.giveBack(keys);
        figures.answered(member.settings.name, host, 'unavailable');
        return { failure: error };
      }
      desk.settle(keys);
      throw error;
    }
  }

  return {
    maxConnections: members.reduce((sum, { transport }) => sum + transport.maxConnections, 0),
    // With several servers nobody knows which one a lost answer would have come from.
    ...(members.length === 1 && only?.transport.findByMessageId !== undefined && { findByMessageId: only.transport.findByMessageId }),
    reserve: leaves.reserve,
    release: leaves.release,
    deliver: (mail, permit) =>
      route(domainOf(mail.envelope.to), permit, ({ settings, transport }) => {
        const headers = providerHeaders(settings, mail.messageId);
        return transport.deliver({ ...mail, raw: prependHeaders(mail.raw, headers) });
      }),
    send: (message) =>
      route(domainOf(message.to.address), undefined, ({ settings, transport }) =>
        transport.send({ ...message, headers: { ...message.headers, ...providerHeaders(settings, message.messageId) } }),
      ),
    ...createRoutingReport({ members, hostLimits: options.hostLimits, rules, view, store, database, clock }),
    async verify() {
      await Promise.any(members.map(({ transport }) => transport.verify())).catch((error: unknown) => {
        const [first, ...others] = error instanceof AggregateError ? error.errors : [error];
        if (others.length === 0) throw first;
        throw new AppError('mail_unavailable', `No mail transport can be used: ${[first, ...others].map(messageOf).join('; ')}`, {
          status: 503,
          retryable: true,
          retryAfterSeconds: 10,
          cause: error,
        });
      });
    },
    async close() {
      await Promise.all(members.map(({ transport }) => transport.close()));
      await desk.close();
      await view.close();
      await switches.close();
    },
  };
}
