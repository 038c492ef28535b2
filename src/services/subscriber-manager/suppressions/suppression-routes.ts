import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { PageOf, type RegisterRoutes } from '#platform/http-server';
import { normalizeEmail } from '#platform/mail';
import type { Clock } from '#shared/clock';
import { AppError, invalid } from '#shared/errors';
import { closed } from '#shared/schema';
import { erasedKeyPrefix } from './erased-key.ts';
import { addSuppression, findSuppression, listSuppressions, removeSuppression, type Suppression } from './suppression-store.ts';

const maxAddressLength = 254;

const SuppressionView = Type.Object({
  address: Type.String(),
  reason: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
});

const viewOf = ({ address, reason, createdAt }: Suppression) => ({ address, reason, createdAt: createdAt.toISOString() });

const address = Type.String({
  minLength: 2,
  maxLength: maxAddressLength,
  description: 'An e-mail address, or @domain for everybody there.',
});

/** @throws AppError `invalid_request` when it is neither an address nor `@domain`. */
function readAddress(text: string): string {
  const trimmed = text.trim();
  const isDomain = trimmed.startsWith('@');
  const normal = normalizeEmail(isDomain ? `x${trimmed}` : trimmed)?.toLowerCase();
  if (normal === undefined) {
    const message = 'must be an e-mail address, or @domain';
    throw invalid(`The address ${message}.`, [{ path: '/address', message }]);
  }
  return isDomain ? normal.slice(1) : normal;
}

function decodeAddressCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const after = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!after.includes('@') || after.includes('\u0000') || after.startsWith(erasedKeyPrefix)) {
    throw invalid('The cursor is not one that a page of this list gave.', [
      { path: '/querystring/cursor', message: 'is not a known cursor' },
    ]);
  }
  return after;
}

export function suppressionRoutes({ database, clock }: { readonly database: Database; readonly clock: Clock }): RegisterRoutes {
  const tagged = { tags: ['subscribers'] };
  return (app) => {
    app.get(
      '/api/v1/suppressions',
      {
        schema: {
          ...tagged,
          summary: 'Addresses and domains that get no mail, in alphabetical order',
          querystring: Type.Object(
            {
              limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
              cursor: Type.Optional(Type.String({ maxLength: 500 })),
            },
            closed,
          ),
          response: { 200: PageOf(SuppressionView) },
        },
        config: { access: 'subscribers:read' },
      },
      async ({ query: { limit = 20, cursor } }) => {
        const rows = await listSuppressions(database.reads, decodeAddressCursor(cursor), limit);
        const items = rows.slice(0, limit).map(viewOf);
        const last = rows.length > limit ? items.at(-1)?.address : undefined;
        return { items, nextCursor: last === undefined ? null : Buffer.from(last).toString('base64url') };
      },
    );

    app.post(
      '/api/v1/suppressions',
      {
        schema: {
          ...tagged,
          summary: 'Send no more mail to an address or domain',
          description: 'What stands there already is left as it is and answered with 200.',
          body: Type.Object({ address, reason: Type.Optional(Type.String({ minLength: 1, maxLength: 300 })) }, closed),
          response: { 200: SuppressionView, 201: SuppressionView },
        },
        config: { access: 'subscribers:write' },
      },
      async ({ body }, reply) => {
        const given = readAddress(body.address);
        const added = await addSuppression(database, given, body.reason ?? 'added by hand', clock.now());
        if (added !== undefined) return reply.code(201).send(viewOf(added));
        const standing = await findSuppression(database, given);
        return reply.code(200).send(viewOf(standing ?? { address: given, reason: body.reason ?? '', createdAt: clock.now() }));
      },
    );

    app.delete(
      '/api/v1/suppressions',
      {
        schema: {
          ...tagged,
          summary: 'Allow mail to an address or domain again',
          description: 'The address stands in the query, `?address=`: it may be longer than a part of a path.',
          querystring: Type.Object({ address }, closed),
          response: { 204: Type.Null() },
        },
        config: { access: 'subscribers:write' },
      },
      async ({ query }, reply) => {
        if ((await removeSuppression(database, readAddress(query.address))) === 0) {
          throw new AppError('not_found', 'This address does not stand among the suppressions.', { status: 404 });
        }
        return reply.code(204).send(null);
      },
    );
  };
}
