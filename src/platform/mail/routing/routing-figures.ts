import type { Metrics } from '#platform/telemetry';
import type { CircuitState } from '#shared/circuit-breaker';
import type { HostLimits } from '#shared/mail-host-limits';
import { isKnownMailHost } from '#shared/mail-hosts';

const levels: Readonly<Record<CircuitState, number>> = { closed: 0, half_open: 1, open: 2 };

export type RoutingFigures = ReturnType<typeof createRoutingFigures>;

/** Figures by transport and host. Hosts that nobody named are one: there are as many as there are readers' domains. */
export function createRoutingFigures(metrics: Metrics, hostLimits: HostLimits) {
  const routed = metrics.counter('aquascene_mail_routed_total', 'Messages handed to a transport, by what came of it', [
    'transport',
    'host',
    'outcome',
  ]);
  const waits = metrics.counter('aquascene_mail_waits_total', 'Messages that were told to wait for leave', ['host']);
  const failovers = metrics.counter('aquascene_mail_failovers_total', 'Messages that a transport could not take', ['transport', 'host']);
  const circuits = metrics.gauge('aquascene_mail_circuit', 'Circuit of a transport: 0 closed, 1 half open, 2 open', ['transport']);
  const labelOf = (host: string) => (hostLimits.has(host) || isKnownMailHost(host) ? host : 'other');
  return {
    answered: (transport: string, host: string, outcome: string) => routed.inc({ transport, host: labelOf(host), outcome }),
    waited: (host: string) => waits.inc({ host: labelOf(host) }),
    failedOver: (transport: string, host: string) => failovers.inc({ transport, host: labelOf(host) }),
    circuit: (transport: string, state: CircuitState) => circuits.set({ transport }, levels[state]),
  };
}
