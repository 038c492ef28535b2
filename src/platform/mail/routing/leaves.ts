import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '#shared/errors';
import { mailHostOf } from '#shared/mail-hosts';
import { type Member, orderMembers } from './fleet.ts';
import type { LeaveDesk } from './leave-desk.ts';
import type { LimitRules } from './limit-rules.ts';
import type { LeaveRequest, Permit, Wait } from './router-types.ts';
import type { RoutingFigures } from './routing-figures.ts';
import type { SharedView } from './shared-view.ts';
import type { TransportSwitches } from './transport-switches.ts';

/** Leave that was taken: of these limits, for this transport. */
export type Ticket = { readonly member: Member; readonly keys: readonly string[]; readonly host: string; readonly expiresAtMs: number };

/** How long a mail waits for leave, and whether somebody waits for the mail. */
export type Patience = { readonly waitMs: number; readonly isUrgent: boolean };

export type Leaves = {
  reserve(requests: readonly LeaveRequest[]): Promise<readonly (Permit | Wait)[]>;
  /** Leave by a transport that was not tried yet. @throws AppError `mail_unavailable` */
  acquire(domain: string, tried: ReadonlySet<Member>, patience: Patience): Promise<Ticket>;
  /** What the permit stands for; undefined when it was used, released or is no longer good. */
  use(permit: Permit): Ticket | undefined;
  release(permits: readonly Permit[]): void;
  /** That no transport can be used now, with the time until one may. */
  noTransport(): AppError;
};

export type LeavesOptions = {
  readonly members: readonly Member[];
  readonly switches: TransportSwitches;
  readonly view: Pick<SharedView, 'watch'>;
  readonly rules: LimitRules;
  readonly desk: LeaveDesk;
  readonly figures: RoutingFigures;
  readonly random: () => number;
};

const permitLifeMs = 60_000;
const maxWaitMs = 300_000;
const switchedOffWaitMs = 2000;
const trialWaitMs = 500;

/** Chooses transports, and gives leave for them within their limits. */
export function createLeaves({ members, switches, view, rules, desk, figures, random }: LeavesOptions): Leaves {
  const now = () => performance.now();
  /** Waited for before a process's first mail only. */
  const ready = () => Promise.all([switches.ready(), view.watch()]);
  // Kept in the order of their ends.
  const tickets = new Map<Permit, Ticket>();

  const choose = (domain: string, tried: ReadonlySet<Member>): readonly Member[] =>
    orderMembers(
      members.filter((member) => !tried.has(member) && !switches.isOff(member.settings.name)),
      [domain, mailHostOf(domain)],
      random,
    );

  function dropExpired(): void {
    for (const [permit, { keys, expiresAtMs }] of tickets) {
      if (expiresAtMs > now()) return;
      tickets.delete(permit);
      desk.giveBack(keys);
    }
  }

  /** Leave at once, or the limits that refuse it, those of each transport apart. */
  function tryLeave(domain: string, choice: readonly Member[], isUrgent: boolean): Ticket | readonly (readonly string[])[] {
    const host = mailHostOf(domain);
    const refusing: (readonly string[])[] = [];
    for (const member of choice) {
      const keys = rules.keysOf(member.settings, host);
      if (keys.length === 0 || desk.tryTake(keys, isUrgent)) return { member, keys, host, expiresAtMs: now() + permitLifeMs };
      refusing.push(keys);
    }
    return refusing;
  }

  /** Asks for what is lacking, all at once. */
  async function askFor(refusals: readonly (readonly (readonly string[])[])[], isUrgent: boolean): Promise<void> {
    const wanted = new Map<string, number>();
    for (const refusal of refusals) {
      for (const key of new Set(refusal.flatMap((keys) => desk.lacking(keys, isUrgent)))) wanted.set(key, (wanted.get(key) ?? 0) + 1);
    }
    if (wanted.size > 0) await desk.ask(wanted, isUrgent);
  }

  /** In ms of `now`: when one of the transports may have leave, or be of use again. */
  function retryAtMs(refusing: readonly (readonly string[])[]): number {
    const times = refusing.length > 0 ? refusing.map((keys) => desk.retryAt(keys)) : [now() + untilUsableMs()];
    return Math.min(Math.max(Math.min(...times), now() + 1), now() + maxWaitMs);
  }

  function untilUsableMs(): number {
    const waits = members
      .filter(({ settings }) => !switches.isOff(settings.name))
      .map(({ circuit }) => (circuit.state() === 'half_open' ? trialWaitMs : Math.max(1, circuit.retryInMs())));
    return waits.length === 0 ? switchedOffWaitMs : Math.min(...waits);
  }

  async function reserve(requests: readonly { readonly host: string }[]): Promise<readonly (Permit | Wait)[]> {
    await ready();
    dropExpired();
    const none: ReadonlySet<Member> = new Set();
    // Of a transport that is on trial one message is enough to tell.
    const onTrial = new Set<Member>();
    const tryOne = ({ host: domain }: { readonly host: string }) => {
      const choice = choose(domain.toLowerCase(), none).filter((member) => !onTrial.has(member));
      const leave = tryLeave(domain.toLowerCase(), choice, false);
      if ('member' in leave && leave.member.circuit.state() !== 'closed') onTrial.add(leave.member);
      return leave;
    };
    const first = requests.map(tryOne);
    const refusals = first.filter((leave) => !('member' in leave) && leave.length > 0);
    if (refusals.length > 0) await askFor(refusals as (readonly (readonly string[])[])[], false);
    return requests.map((request, index) => {
      const given = first[index];
      const leave = given === undefined || !('member' in given) ? tryOne(request) : given;
      return 'member' in leave ? permitOf(leave) : waitOf(leave, request.host);
    });
  }

  function permitOf(ticket: Ticket): Permit {
    const permit: Permit = {
      kind: 'permit',
      transport: ticket.member.settings.name,
      host: ticket.host,
      expiresAt: new Date(Date.now() + permitLifeMs),
    };
    tickets.set(permit, ticket);
    return permit;
  }

  function waitOf(refusing: readonly (readonly string[])[], host: string): Wait {
    figures.waited(mailHostOf(host));
    return { kind: 'wait', until: new Date(Date.now() + (retryAtMs(refusing) - now())) };
  }

  async function acquire(domain: string, tried: ReadonlySet<Member>, { waitMs, isUrgent }: Patience): Promise<Ticket> {
    await ready();
    const deadline = now() + waitMs;
    for (;;) {
      const first = tryLeave(domain, choose(domain, tried), isUrgent);
      if ('member' in first) return first;
      await askFor([first], isUrgent);
      const second = tryLeave(domain, choose(domain, tried), isUrgent);
      if ('member' in second) return second;
      const until = retryAtMs(second);
      if (second.length === 0 || until > deadline) throw noLeave(second.length === 0, until - now());
      await delay(until - now());
    }
  }

  function use(permit: Permit): Ticket | undefined {
    const ticket = tickets.get(permit);
    if (ticket === undefined) return undefined;
    tickets.delete(permit);
    const isGood = !switches.isOff(ticket.member.settings.name) && (ticket.keys.length === 0 || desk.isCovered(ticket.keys));
    if (isGood && ticket.expiresAtMs > now()) return ticket;
    desk.giveBack(ticket.keys);
    return undefined;
  }

  return {
    reserve,
    acquire,
    use,
    release(permits) {
      for (const permit of permits) {
        const ticket = tickets.get(permit);
        if (ticket === undefined) continue;
        tickets.delete(permit);
        desk.giveBack(ticket.keys);
      }
    },
    noTransport: () => noLeave(true, untilUsableMs()),
  };
}

function noLeave(isDown: boolean, waitMs: number): AppError {
  const reason = isDown ? 'no mail transport can be used now' : 'the limits of the mail transports or of the host are reached';
  return new AppError('mail_unavailable', `The mail was not sent: ${reason}.`, {
    status: 503,
    retryable: true,
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  });
}
