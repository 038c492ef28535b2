import { recordAudit } from '#platform/audit';
import type { Database } from '#platform/database';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import type { HostLimits } from '#shared/mail-host-limits';
import type { Rates } from '#shared/mail-rates';
import { warmUpLimitAt } from '#shared/warm-up';
import type { Member } from './fleet.ts';
import { rateAt, recoversAt } from './host-pace.ts';
import { limitKeyOf, readLimitState } from './leave-desk.ts';
import { type LimitRules, transportKey } from './limit-rules.ts';
import { type LimitState, longWindows } from './limit-state.ts';
import type { LimitStore } from './limit-store.ts';
import type { MailRouter, RoutingReport, TransportReport } from './router-types.ts';
import type { SharedView, View } from './shared-view.ts';
import { readSwitches, setSwitch, type TransportSwitch } from './transport-switches.ts';

type ReportOptions = {
  readonly members: readonly Member[];
  readonly hostLimits: HostLimits;
  readonly rules: LimitRules;
  readonly view: SharedView;
  readonly store: LimitStore;
  readonly database: Database;
  readonly clock: Clock;
};

/** How the transports stand as all processes know it, and the operator's switch. */
export function createRoutingReport(options: ReportOptions): Pick<MailRouter, 'report' | 'switchTransport'> {
  const { members, view, store, database, clock } = options;
  return {
    async report(): Promise<RoutingReport> {
      const keys = members.map(({ settings }) => limitKeyOf(transportKey(settings.name)));
      const [switches, shared, states] = await Promise.all([readSwitches(database), view.look(), store.read(keys)]);
      const nowMs = view.nowMs();
      return {
        transports: members.map((member, index) => {
          const state = readLimitState(states.get(keys[index] ?? '')?.text);
          const found = switches.find(({ name }) => name === member.settings.name);
          return describe(member, { ...options, shared, state, found, nowMs });
        }),
        slowHosts: Object.entries(shared.hosts).flatMap(([host, slow]) => {
          const ratePerSecond = rateAt(slow, nowMs);
          if (ratePerSecond === undefined) return [];
          return [{ host, ratePerSecond, fullRatePerSecond: slow.fullRate, until: new Date(recoversAt(slow)) }];
        }),
        hostLimits: [...options.hostLimits].map(([host, limits]) => ({ host, limits })),
      };
    },
    async switchTransport(name, isOff, by) {
      if (!members.some(({ settings }) => settings.name === name)) {
        throw new AppError('not_found', `No mail transport with the name "${name}".`, { status: 404 });
      }
      const at = clock.now();
      await database.transaction(async (tx) => {
        const hasChanged = await setSwitch(tx, { name, isOff, changedAt: at, changedBy: by });
        if (!hasChanged) return;
        const action = isOff ? 'mail_transport.disable' : 'mail_transport.enable';
        await recordAudit(tx, { id: clock.newId(), at, actor: by, action, subject: `mail_transport:${name}` });
      });
    },
  };
}

type Known = ReportOptions & {
  readonly shared: View;
  readonly state: LimitState;
  readonly found: TransportSwitch | undefined;
  readonly nowMs: number;
};

function describe({ settings, circuit }: Member, { rules, shared, state, found, nowMs }: Known): TransportReport {
  const { name, weight, domains, provider, warmUp } = settings;
  const url = new URL(settings.url);
  const troubled = Object.values(shared.circuits[name] ?? {});
  const worst = troubled.find((other) => other.state === 'open') ?? troubled[0];
  return {
    name,
    server: url.host,
    weight,
    domains,
    provider: provider ?? null,
    isEnabled: found?.isOff !== true,
    switchedAt: found?.changedAt ?? null,
    switchedBy: found?.changedBy ?? null,
    circuit: {
      state: worst?.state ?? circuit.state(),
      processes: troubled.length,
      until: worst === undefined ? null : new Date(worst.until),
    },
    limits: rules.transportRates(settings),
    used: usedOf(state, nowMs),
    warmUp: warmUp === undefined ? null : { startsOn: warmUp.startsOn, today: warmUpLimitAt(warmUp, nowMs) ?? null },
  };
}

function usedOf({ spent }: LimitState, nowMs: number): Rates {
  return Object.fromEntries(
    longWindows.flatMap(({ name, lengthMs, bucketMs }) => {
      const buckets = spent[name];
      if (buckets === undefined) return [];
      const live = buckets.filter(([start]) => start + bucketMs + lengthMs > nowMs);
      return [[name, live.reduce((sum, [, count]) => sum + count, 0)]];
    }),
  );
}
