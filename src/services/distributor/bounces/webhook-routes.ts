import { Type } from 'typebox';
import type { HttpClient } from '#platform/http-client';
import type { HttpServer, RegisterRoutes } from '#platform/http-server';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { closed } from '#shared/schema';
import type { ApplyMailEvents } from './apply-mail-events.ts';
import type { ProviderAdapter } from './providers/provider-types.ts';

const maxPostBytes = 5 * 1024 * 1024;
const providers = ['ses', 'sendgrid', 'postmark', 'mailgun'] as const;

/**
 * Where mail providers tell what became of mails. Answered with 2xx only once it is committed; what is not signed by the provider
 * changes nothing and learns nothing.
 */
export function bounceWebhookRoutes(options: {
  readonly adapters: ReadonlyMap<string, ProviderAdapter>;
  readonly apply: ApplyMailEvents;
  readonly httpClient: HttpClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): RegisterRoutes {
  const { adapters, apply, httpClient, clock, logger } = options;
  const forged = options.metrics.counter('aquascene_mail_webhooks_refused_total', 'Posts that were not from the provider', ['provider']);

  return async (app) => {
    await app.register(async (plain) => {
      const scope = plain as HttpServer;
      scope.removeAllContentTypeParsers();
      // Signatures are over the bytes as they came; SNS says text/plain of its JSON.
      scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxPostBytes }, (_request, body, done) => done(null, body));
      scope.post(
        '/hooks/mail/:provider',
        {
          bodyLimit: maxPostBytes,
          schema: { hide: true, params: Type.Object({ provider: Type.Enum([...providers]) }, closed) },
          config: { access: 'public', rateLimit: false, cost: 'essential' },
        },
        async (request, reply) => {
          const { provider } = request.params;
          const adapter = adapters.get(provider);
          if (adapter === undefined) return reply.callNotFound();
          if (!Buffer.isBuffer(request.body)) throw new AppError('invalid_request', 'The body is empty.', { status: 400 });
          const reading = await adapter.read({ headers: request.headers, body: request.body }, clock.now());
          if (reading.kind === 'forged') {
            forged.inc({ provider });
            logger.warn({ provider, reason: reading.reason }, 'a post to the mail webhook was refused');
            throw new AppError('signature_invalid', 'The post is not signed as the provider signs.', { status: 403 });
          }
          if (reading.kind === 'subscription') {
            await httpClient.fetch(reading.confirmUrl, { maxRedirects: 0 });
            logger.info({ provider }, 'the subscription to mail events was confirmed');
          } else await apply(reading.events, provider);
          return reply.code(204).send();
        },
      );
    });
  };
}
