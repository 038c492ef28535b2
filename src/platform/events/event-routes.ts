import { Type } from 'typebox';
import type { HttpServer, RegisterRoutes } from '#platform/http-server';
import { notFound } from '#shared/errors';
import { maxCountedLag } from './event-status.ts';
import type { Events } from './event-types.ts';

const Name = Type.String({ minLength: 1, maxLength: 200 });
const Id = Type.String({ format: 'uuid' });
const Time = Type.String({ format: 'date-time', maxLength: 40 });

const SubscriberSchema = Type.Object({
  subscriber: Type.String(),
  types: Type.Array(Type.String()),
  lag: Type.Integer({ description: `Events that it has not handled yet; ${maxCountedLag} means that many or more.` }),
  lagSeconds: Type.Number({ description: 'Age of the oldest of them.' }),
  retrying: Type.Integer({ description: 'Events that failed and are tried again.' }),
  waiting: Type.Integer({ description: 'Events that wait behind a failed one of the same aggregate.' }),
  deadLetters: Type.Integer(),
  isReplaying: Type.Boolean(),
  seenAt: Type.String(),
});

const DeadLetterSchema = Type.Object({
  subscriber: Type.String(),
  id: Type.String(),
  type: Type.String(),
  aggregateId: Type.String(),
  payload: Type.Any(),
  occurredAt: Type.String(),
  attempts: Type.Integer(),
  error: Type.String(),
  failedAt: Type.String(),
  waitingBehind: Type.Integer({ description: 'Later events of the same aggregate, which wait for this one.' }),
});

/** Subscribers and how far behind they are, dead letters, replays. */
export function createEventRoutes(events: Events): RegisterRoutes {
  return (app) => {
    registerState(app, events);
    registerDeadLetters(app, events);
    registerReplay(app, events);
  };
}

function registerState(app: HttpServer, events: Events): void {
  app.get(
    '/api/v1/system/events',
    {
      config: { access: 'system:read' },
      schema: {
        tags: ['system'],
        summary: 'Who handles events, and how far behind',
        response: {
          200: Type.Object({
            driver: Type.Union([Type.Literal('postgres'), Type.Literal('redis')]),
            deadLetters: Type.Integer(),
            items: Type.Array(SubscriberSchema),
          }),
        },
      },
    },
    async () => {
      const subscribers = await events.subscribers();
      return {
        driver: events.driver,
        deadLetters: subscribers.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
        items: subscribers.map((state) => ({ ...state, types: [...state.types], seenAt: state.seenAt.toISOString() })),
      };
    },
  );
}

function registerDeadLetters(app: HttpServer, events: Events): void {
  app.get(
    '/api/v1/system/events/dead-letters',
    {
      config: { access: 'system:read' },
      schema: {
        tags: ['system'],
        summary: 'Events that could not be handled, newest failure first',
        querystring: Type.Object(
          { subscriber: Type.Optional(Name), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ items: Type.Array(DeadLetterSchema) }) },
      },
    },
    async ({ query: { subscriber, limit = 20 } }) => {
      const letters = await events.deadLetters({ limit, ...(subscriber !== undefined && { subscriber }) });
      return {
        items: letters.map((letter) => ({
          ...letter,
          occurredAt: letter.occurredAt.toISOString(),
          failedAt: letter.failedAt.toISOString(),
        })),
      };
    },
  );
  app.post(
    '/api/v1/system/events/dead-letters/redrive',
    {
      config: { access: 'system:write' },
      schema: {
        tags: ['system'],
        summary: 'Try dead letters again',
        description: 'All, those of a subscriber, or one. Events that wait behind them follow in their order.',
        body: Type.Object({ subscriber: Type.Optional(Name), id: Type.Optional(Id) }, { additionalProperties: false }),
        response: { 200: Type.Object({ redriven: Type.Integer() }) },
      },
    },
    async ({ body: { subscriber, id } }) => ({
      redriven: await events.redrive({ ...(subscriber !== undefined && { subscriber }), ...(id !== undefined && { id }) }),
    }),
  );
  app.post(
    '/api/v1/system/events/dead-letters/discard',
    {
      config: { access: 'system:write' },
      schema: {
        tags: ['system'],
        summary: 'Give up on one dead letter; what waits behind it goes on',
        body: Type.Object({ subscriber: Name, id: Id }, { additionalProperties: false }),
        response: { 200: Type.Object({ discarded: Type.Boolean() }) },
      },
    },
    async ({ body: { subscriber, id } }) => {
      if (!(await events.discard(subscriber, id))) throw notFound('dead letter', id);
      return { discarded: true };
    },
  );
}

function registerReplay(app: HttpServer, events: Events): void {
  app.post(
    '/api/v1/system/events/replay',
    {
      config: { access: 'system:write' },
      schema: {
        tags: ['system'],
        summary: 'Hand past events to a subscriber once more',
        description: 'Oldest first; new events wait until it is done. Reaches as far back as the outbox is kept.',
        body: Type.Object(
          {
            subscriber: Name,
            from: Time,
            to: Type.Optional(Type.String({ ...Time, description: 'Exclusive; until now unless given.' })),
            types: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 100 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ events: Type.Integer({ description: 'How many will be handed out.' }) }) },
      },
    },
    async ({ body: { subscriber, from, to, types } }) => ({
      events: await events.replay(subscriber, {
        from: new Date(from),
        ...(to !== undefined && { to: new Date(to) }),
        ...(types !== undefined && { types }),
      }),
    }),
  );
}
