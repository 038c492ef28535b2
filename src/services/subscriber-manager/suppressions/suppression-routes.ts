import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { type HttpServer, PageOf, type RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { invalid } from '#shared/errors';
import { closed, nullable } from '#shared/schema';
import { findTextFault } from '../subscribers/subscriber-fields.ts';
import { erasedKeyPrefix } from './erased-key.ts';
import { readSuppressed } from './suppression-list.ts';
import type { SuppressionDetails, SuppressionService } from './suppression-service.ts';
import { listSuppressions, type Suppression, suppressionSources } from './suppression-store.ts';

const maxAddressLength = 254;
const maxReasonLength = 300;
const maxNoteLength = 1000;
const maxListLength = 900_000;
const maxRemovals = 1000;

const SuppressionView = Type.Object({
  address: Type.String(),
  reason: Type.String(),
  source: Type.String({ enum: [...suppressionSources] }),
  note: nullable(Type.String()),
  createdAt: Type.String({ format: 'date-time' }),
  expiresAt: nullable(Type.String({ format: 'date-time' })),
});

const viewOf = ({ createdAt, expiresAt, ...rest }: Suppression) => ({
  ...rest,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
});

const address = Type.String({
  minLength: 2,
  maxLength: maxAddressLength,
  description: 'An e-mail address, @domain for everybody there, or *.domain for everybody in its subdomains.',
});
const force = Type.Boolean({ default: false, description: 'Also lifts what a complaint of the person brought about.' });
const details = {
  reason: Type.Optional(Type.String({ minLength: 1, maxLength: maxReasonLength })),
  note: Type.Optional(Type.String({ minLength: 1, maxLength: maxNoteLength })),
  expiresAt: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'Until when; for good unless told.' })),
};

type Details = { readonly reason?: string; readonly note?: string; readonly expiresAt?: string };

/** @throws AppError `invalid_request` when it is none of the three */
function readAddress(text: string, path = '/address'): string {
  const reading = readSuppressed(text);
  if ('value' in reading) return reading.value;
  throw invalid(`The address ${reading.fault}.`, [{ path, message: reading.fault }]);
}

function readDetails({ reason = 'added by hand', note, expiresAt }: Details, now: Date): SuppressionDetails {
  const until = expiresAt === undefined ? null : new Date(expiresAt);
  const fault = findTextFault(reason, maxReasonLength);
  const refuse = (path: string, message: string) => invalid(`The suppression is not valid: ${path} ${message}.`, [{ path, message }]);
  if (fault !== undefined) throw refuse('/reason', fault);
  if (until !== null && until <= now) throw refuse('/expiresAt', 'must lie in the future');
  return { reason, note: note ?? null, expiresAt: until };
}

function decodeAddressCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const after = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!/^(\*\.|[^\s]*@)/.test(after) || after.includes('\u0000') || after.startsWith(erasedKeyPrefix)) {
    throw invalid('The cursor is not one that a page of this list gave.', [
      { path: '/querystring/cursor', message: 'is not a known cursor' },
    ]);
  }
  return after;
}

type Dependencies = { readonly database: Database; readonly clock: Clock; readonly service: SuppressionService };

const tagged = { tags: ['subscribers'] };

export function suppressionRoutes(dependencies: Dependencies): RegisterRoutes {
  return (app) => {
    registerList(app, dependencies);
    registerAdding(app, dependencies);
    registerRemoval(app, dependencies);
  };
}

function registerList(app: HttpServer, { database }: Dependencies): void {
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
            q: Type.Optional(Type.String({ maxLength: maxAddressLength, description: 'How the address begins.' })),
            source: Type.Optional(Type.Enum([...suppressionSources])),
          },
          closed,
        ),
        response: { 200: PageOf(SuppressionView) },
      },
      config: { access: 'subscribers:read' },
    },
    async ({ query: { limit = 20, cursor, q, source } }) => {
      const filter = { after: decodeAddressCursor(cursor), prefix: q?.trim().toLowerCase(), source, limit };
      const rows = await listSuppressions(database.reads, filter);
      const items = rows.slice(0, limit).map(viewOf);
      const last = rows.length > limit ? items.at(-1)?.address : undefined;
      return { items, nextCursor: last === undefined ? null : Buffer.from(last).toString('base64url') };
    },
  );
}

function registerAdding(app: HttpServer, { clock, service }: Dependencies): void {
  app.post(
    '/api/v1/suppressions',
    {
      schema: {
        ...tagged,
        summary: 'Send no more mail to an address or domain',
        description: 'What stands there already is left as it is and answered with 200.',
        body: Type.Object({ address, ...details }, closed),
        response: { 200: SuppressionView, 201: SuppressionView },
      },
      config: { access: 'subscribers:write' },
    },
    async ({ body }, reply) => {
      const given = readAddress(body.address);
      const { suppression, isNew } = await service.add(given, readDetails(body, clock.now()));
      return reply.code(isNew ? 201 : 200).send(viewOf(suppression));
    },
  );

  app.post(
    '/api/v1/suppressions/import',
    {
      schema: {
        ...tagged,
        summary: 'Send no more mail to a list of addresses and domains',
        description:
          'One a line, or parted by commas; what follows `#` is passed over. What can be read is added together; lines that cannot be are named, the first 100 of them.',
        body: Type.Object({ list: Type.String({ minLength: 1, maxLength: maxListLength }), ...details }, closed),
        response: {
          200: Type.Object({
            added: Type.Integer(),
            standing: Type.Integer({ description: 'That stood there already, and are left as they are.' }),
            faulty: Type.Integer(),
            faults: Type.Array(Type.Object({ line: Type.Integer(), value: Type.String(), message: Type.String() })),
          }),
        },
      },
      config: { access: 'subscribers:write' },
    },
    async ({ body }) => {
      const { faults, ...counts } = await service.importList(body.list, readDetails(body, clock.now()));
      return { ...counts, faults: [...faults] };
    },
  );
}

function registerRemoval(app: HttpServer, { service }: Dependencies): void {
  app.delete(
    '/api/v1/suppressions',
    {
      schema: {
        ...tagged,
        summary: 'Allow mail to an address or domain again',
        description: 'The address stands in the query, `?address=`: it may be longer than a part of a path.',
        querystring: Type.Object({ address, force: Type.Optional(force) }, closed),
        response: { 204: Type.Null() },
      },
      config: { access: 'subscribers:write' },
    },
    async ({ query }, reply) => {
      await service.remove(readAddress(query.address), { force: query.force === true });
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/api/v1/suppressions/remove',
    {
      schema: {
        ...tagged,
        summary: 'Allow mail to many addresses or domains again',
        body: Type.Object({ addresses: Type.Array(address, { minItems: 1, maxItems: maxRemovals }), force: Type.Optional(force) }, closed),
        response: {
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                address: Type.String({ description: 'As it was given.' }),
                outcome: Type.String({ enum: ['removed', 'not_found', 'kept'], description: '`kept`: a complaint stands behind it.' }),
              }),
            ),
          }),
        },
      },
      config: { access: 'subscribers:write' },
    },
    async ({ body }) => {
      const read = body.addresses.map((given) => {
        const reading = readSuppressed(given);
        return { given, key: 'value' in reading ? reading.value : undefined };
      });
      const keys = [...new Set(read.flatMap(({ key }) => (key === undefined ? [] : [key])))];
      const outcomes = await service.removeMany(keys, { force: body.force === true });
      return { items: read.map(({ given, key }) => ({ address: given, outcome: (key && outcomes.get(key)) || 'not_found' })) };
    },
  );
}
