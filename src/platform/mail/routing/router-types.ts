import type { CircuitState } from '#shared/circuit-breaker';
import type { Rates } from '#shared/mail-rates';
import type { MailTransport, OutgoingMail, ReadyMail, SendOutcome } from '../mail-transport.ts';

/** Leave to hand one message over now, by one transport to one mail host. It counts against their limits until it is used or released. */
export type Permit = {
  readonly kind: 'permit';
  /** Name of the transport that it is for. */
  readonly transport: string;
  /** Mail host of the recipient, e.g. `gmail.com` for `googlemail.com` too. */
  readonly host: string;
  /** From then on it is released; `deliver` asks for leave anew. */
  readonly expiresAt: Date;
};

/** No leave now; asking again before `until` is in vain. */
export type Wait = { readonly kind: 'wait'; readonly until: Date };

export type LeaveRequest = {
  /** Domain of the recipient's address. */
  readonly host: string;
};

export type RoutedOutcome = SendOutcome & { readonly transport: string };

export type TransportReport = {
  readonly name: string;
  readonly server: string;
  readonly weight: number;
  readonly domains: readonly string[];
  readonly provider: string | null;
  readonly isEnabled: boolean;
  readonly switchedAt: Date | null;
  readonly switchedBy: string | null;
  /** The worst of what the processes see. */
  readonly circuit: { readonly state: CircuitState; readonly processes: number; readonly until: Date | null };
  /** The warm-up of today counts as a limit of the day. */
  readonly limits: Rates;
  /** Told as sent in the minute, hour and day before now, of the limits that there are. */
  readonly used: Rates;
  readonly warmUp: { readonly startsOn: string; readonly today: number | null } | null;
};

export type SlowHostReport = {
  readonly host: string;
  readonly ratePerSecond: number;
  readonly fullRatePerSecond: number;
  readonly until: Date;
};

export type RoutingReport = {
  readonly transports: readonly TransportReport[];
  readonly slowHosts: readonly SlowHostReport[];
  readonly hostLimits: readonly { readonly host: string; readonly limits: Rates }[];
};

/**
 * Several transports as one. `send`, and `deliver` without a permit, wait briefly for leave, and come before campaigns. What
 * may have been taken by one server is never handed to another.
 */
export type MailRouter = Omit<MailTransport, 'send' | 'deliver'> & {
  /**
   * Leave for messages to these recipients' hosts, in their order, before anything is marked. Without a limit on any of them
   * it is answered without I/O. Each permit is used by one `deliver`, or released.
   */
  reserve(requests: readonly LeaveRequest[]): Promise<readonly (Permit | Wait)[]>;
  /** @throws AppError `mail_unavailable` (retryable) when no transport can be used or has leave, and surely none took the message. */
  deliver(mail: ReadyMail, permit?: Permit): Promise<RoutedOutcome>;
  /** @throws as `deliver` */
  send(message: OutgoingMail): Promise<RoutedOutcome>;
  /** Gives permits back that are not used. What was used or released before is left alone. */
  release(permits: readonly Permit[]): void;
  report(): Promise<RoutingReport>;
  /** An operator's switch, heard by all processes within seconds. @throws AppError `not_found` */
  switchTransport(name: string, isOff: boolean, by: string): Promise<void>;
};
