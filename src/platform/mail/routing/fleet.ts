import { type CircuitBreaker, type CircuitState, createCircuitBreaker } from '#shared/circuit-breaker';
import type { TransportSettings } from '#shared/mail-transports';
import type { MailTransport } from '../mail-transport.ts';

/** One transport of the router, with how it fares. */
export type Member = { readonly settings: TransportSettings; readonly transport: MailTransport; readonly circuit: CircuitBreaker };

// A server that hangs up now and then is none that is down; one that is down is tried again within seconds.
const failureThreshold = 5;
const openMs = 1000;
const maxOpenMs = 15_000;

export function createMember(
  settings: TransportSettings,
  transport: MailTransport,
  onChange: (state: CircuitState, untilMs: number) => void,
): Member {
  const circuit: CircuitBreaker = createCircuitBreaker({
    failureThreshold,
    openMs,
    maxOpenMs,
    onChange: (state) => onChange(state, circuit.retryInMs()),
  });
  return { settings, transport, circuit };
}

/** Whether a message may be meant for it now: its circuit is closed, or due for a trial. */
const isUsable = ({ circuit }: Member): boolean =>
  circuit.state() === 'closed' || (circuit.state() === 'open' && circuit.retryInMs() === 0);

const isFor = (pattern: string, domain: string): boolean =>
  pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : pattern === domain;

/**
 * The transports that may take mail for a domain, in the order to try them: those that are for it, and only when none of
 * them can be used the general ones; by chance, each as often first as its weight says.
 * @param domains the recipient's domain, and its mail host where that is another
 */
export function orderMembers(members: readonly Member[], domains: readonly string[], random: () => number): readonly Member[] {
  const claimed = members.filter(({ settings }) => settings.domains.some((pattern) => domains.some((domain) => isFor(pattern, domain))));
  const able = claimed.filter(isUsable);
  const choice = able.length > 0 ? able : members.filter((member) => member.settings.domains.length === 0 && isUsable(member));
  if (choice.length < 2) return choice;
  // The first of exponential clocks rings by weight, and so does each next one among those that are left.
  const rings = choice.map((member) => [-Math.log(1 - random()) / member.settings.weight, member] as const);
  return rings.sort(([a], [b]) => a - b).map(([, member]) => member);
}
