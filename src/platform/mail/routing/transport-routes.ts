import { Type } from 'typebox';
import { actorOf, type RegisterRoutes } from '#platform/http-server';
import type { Rates } from '#shared/mail-rates';
import { closed, nullable } from '#shared/schema';
import type { MailRouter, SlowHostReport, TransportReport } from './router-types.ts';

const Limits = Type.Object({
  second: Type.Optional(Type.Integer()),
  minute: Type.Optional(Type.Integer()),
  hour: Type.Optional(Type.Integer()),
  day: Type.Optional(Type.Integer()),
});

const TransportSchema = Type.Object({
  name: Type.String(),
  server: Type.String(),
  weight: Type.Integer(),
  domains: Type.Array(Type.String()),
  provider: nullable(Type.String()),
  isEnabled: Type.Boolean(),
  switchedAt: nullable(Type.String()),
  switchedBy: nullable(Type.String()),
  circuit: Type.Object({
    state: Type.String({ description: 'closed, open or half_open: the worst that a process sees.' }),
    processes: Type.Integer({ description: 'Processes in which it is not closed.' }),
    until: nullable(Type.String({ description: 'When it is tried again.' })),
  }),
  limits: Limits,
  used: Limits,
  warmUp: nullable(Type.Object({ startsOn: Type.String(), today: nullable(Type.Integer()) })),
});

const SlowHostSchema = Type.Object({
  host: Type.String(),
  ratePerSecond: Type.Number(),
  fullRatePerSecond: Type.Number(),
  until: Type.String({ description: 'When nothing is held back any more, unless the host slows us down again.' }),
});

const NameParams = Type.Object({ name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]*$', maxLength: 40 }) }, closed);

const showLimits = ({ second, minute, hour, day }: Rates) => ({
  ...(second !== undefined && { second }),
  ...(minute !== undefined && { minute }),
  ...(hour !== undefined && { hour }),
  ...(day !== undefined && { day }),
});

const showTransport = ({ domains, switchedAt, circuit, limits, used, ...transport }: TransportReport) => ({
  ...transport,
  domains: [...domains],
  switchedAt: switchedAt?.toISOString() ?? null,
  circuit: { ...circuit, until: circuit.until?.toISOString() ?? null },
  limits: showLimits(limits),
  used: showLimits(used),
});

const showSlowHost = ({ until, ...host }: SlowHostReport) => ({ ...host, until: until.toISOString() });

/** How the mail transports stand, and the operator's switches. */
export function createMailTransportRoutes(router: Pick<MailRouter, 'report' | 'switchTransport'>): RegisterRoutes {
  return (app) => {
    app.get(
      '/api/v1/mail/transports',
      {
        config: { access: 'system:read' },
        schema: {
          tags: ['mail'],
          summary: 'Mail transports with their circuits and limits, and the hosts that are slowed down',
          response: {
            200: Type.Object({
              items: Type.Array(TransportSchema),
              slowHosts: Type.Array(SlowHostSchema),
              hostLimits: Type.Array(Type.Object({ host: Type.String(), limits: Limits })),
            }),
          },
        },
      },
      async () => {
        const { transports, slowHosts, hostLimits } = await router.report();
        return {
          items: transports.map(showTransport),
          slowHosts: slowHosts.map(showSlowHost),
          hostLimits: hostLimits.map(({ host, limits }) => ({ host, limits: showLimits(limits) })),
        };
      },
    );
    for (const [verb, isOff] of [
      ['disable', true],
      ['enable', false],
    ] as const) {
      app.post(
        `/api/v1/mail/transports/:name/${verb}`,
        {
          config: { access: 'system:write' },
          schema: {
            tags: ['mail'],
            summary: isOff ? 'Send nothing more by a transport' : 'Send by a transport again',
            params: NameParams,
            response: { 200: Type.Object({ name: Type.String(), isEnabled: Type.Boolean() }) },
          },
        },
        async (request) => {
          const { name } = request.params;
          await router.switchTransport(name, isOff, actorOf(request));
          return { name, isEnabled: !isOff };
        },
      );
    }
  };
}
