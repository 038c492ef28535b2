import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import type { Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { listDefinitions } from '../custom-fields/custom-field-store.ts';
import type { CustomFieldDefinition } from '../custom-fields/custom-field-types.ts';
import { leaveOptions, mailingOptions, originOf, pageOptions, type SendPage } from '../pages/page-replies.ts';
import type { PageText, PageTextOf } from '../pages/page-text.ts';
import { fieldViews, type Topic } from '../pages/reader-fields.ts';
import { type AskedField, customPrefix, type FormBody, formBodyOf, type ReaderFault, readReaderInput } from '../pages/reader-input.ts';
import type { SubscriberService } from '../subscribers/subscriber-service.ts';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import type { Subscriber } from '../subscribers/subscriber-types.ts';
import type { SubscriberLinks } from '../subscriptions/subscriber-links.ts';
import { sendDataLinkJob } from '../subscriptions/subscription-jobs.ts';
import { unknownLinkPage, unsubscribedPage } from '../subscriptions/subscription-pages.ts';
import type { SubscriptionService } from '../subscriptions/subscription-service.ts';
import { dataMailPage, pauseDays, preferencePage } from './preference-pages.ts';

export type PreferenceDependencies = {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly links: SubscriberLinks;
  readonly subscribers: SubscriberService;
  readonly subscriptions: SubscriptionService;
  readonly send: SendPage;
  readonly textOf: PageTextOf;
  readonly topics: readonly Topic[];
  readonly siteLanguage: string;
};

type WithToken = { Params: { token: string } };

const dayMs = 24 * 3600_000;
const letterFields = ['topics', 'frequency', 'format', 'sendHour', 'timezone'] as const;
const personFields = ['name', 'language'] as const;

const optional = (fields: readonly string[]): AskedField[] => fields.map((field) => ({ field, required: false }));
const customOf = (definitions: readonly CustomFieldDefinition[]) =>
  optional(definitions.filter(({ readerEditable }) => readerEditable).map(({ name }) => `${customPrefix}${name}`));

/** What is known of a person, as their fields show it. */
function valuesOf(subscriber: Subscriber): FormBody {
  const texts = new Map<string, string>([
    ...(['name', 'language', 'timezone', 'frequency', 'format', 'sendHour'] as const).map(
      (field) => [field, String(subscriber[field] ?? '')] as const,
    ),
    ...Object.entries(subscriber.customFields).map(([name, value]) => [`${customPrefix}${name}`, String(value)] as const),
  ]);
  return { text: (name) => texts.get(name) ?? '', texts: (name) => (name === 'topics' ? subscriber.topics : []) };
}

/** Where readers say what they want, by the signed link in each letter: no sign-in, and no change but by POST. */
export function registerPreferences(app: HttpServer, dependencies: PreferenceDependencies): void {
  const { database, jobs, clock, links, subscribers, subscriptions, send, textOf } = dependencies;
  const topics = new Set(dependencies.topics.map(({ slug }) => slug));

  async function findPerson(request: FastifyRequest<WithToken>) {
    const id = links.readPreferencesToken(request.params.token);
    const subscriber = id === undefined ? undefined : await findSubscriber(database, id);
    return subscriber?.status === 'erased' ? undefined : subscriber;
  }

  type Page = {
    readonly values?: FormBody;
    readonly faults?: readonly ReaderFault[];
    readonly isSaved?: boolean;
    readonly status?: number;
  };

  async function show(request: FastifyRequest<WithToken>, reply: FastifyReply, subscriber: Subscriber, answer: Page = {}) {
    const text = textOf(request, subscriber.language);
    const { values = valuesOf(subscriber), faults = [], isSaved = false, status = 200 } = answer;
    const definitions = await listDefinitions(database);
    const context = { text, topics: dependencies.topics, siteLanguage: dependencies.siteLanguage, definitions, values, faults };
    const letters = topics.size === 0 ? letterFields.filter((field) => field !== 'topics') : letterFields;
    const view = preferencePage(text, {
      subscriber,
      now: clock.now(),
      letters: fieldViews(optional(letters), context),
      person: fieldViews([...optional(personFields), ...customOf(definitions)], context),
      isSaved,
      actionOf: (step) => text.to(`/preferences/${encodeURIComponent(request.params.token)}${step}`),
    });
    return send(reply, view, status);
  }

  const withPerson =
    (act: (request: FastifyRequest<WithToken>, reply: FastifyReply, subscriber: Subscriber, text: PageText) => Promise<FastifyReply>) =>
    async (request: FastifyRequest<WithToken>, reply: FastifyReply) => {
      const subscriber = await findPerson(request);
      if (subscriber === undefined) return send(reply, unknownLinkPage(textOf(request)), 404);
      return act(request, reply, subscriber, textOf(request, subscriber.language));
    };

  app.get<WithToken>(
    '/preferences/:token',
    pageOptions,
    withPerson((request, reply, subscriber) => show(request, reply, subscriber)),
  );

  app.post<WithToken>(
    '/preferences/:token',
    pageOptions,
    withPerson(async (request, reply, subscriber) => {
      const values = formBodyOf(request.body);
      const definitions = await listDefinitions(database);
      const asked = [...optional([...letterFields, ...personFields]), ...customOf(definitions)];
      const { details, custom, faults } = readReaderInput(values, asked, { definitions, topics }, true);
      if (faults.length > 0) return show(request, reply, subscriber, { values, faults, status: 422 });
      const changed = await subscribers.change(subscriber.id, { ...details, given: { values: custom, from: 'text' } });
      return show(request, reply, changed, { isSaved: true });
    }),
  );

  const setPause = (untilOf: () => Date | null) =>
    withPerson(async (request, reply, subscriber) => {
      const changed = await subscribers.change(subscriber.id, { pausedUntil: untilOf() });
      return show(request, reply, changed, { isSaved: true });
    });
  app.post<WithToken>(
    '/preferences/:token/pause',
    pageOptions,
    setPause(() => new Date(clock.now().getTime() + pauseDays * dayMs)),
  );
  app.post<WithToken>(
    '/preferences/:token/resume',
    pageOptions,
    setPause(() => null),
  );

  app.post<WithToken>(
    '/preferences/:token/unsubscribe',
    leaveOptions,
    withPerson(async (request, reply, subscriber, text) => {
      const origin = originOf(request, 'preferences page');
      await database.transaction((tx) => subscriptions.unsubscribe(tx, subscriber.id, origin));
      const canUndo = await subscriptions.canUndo(database, subscriber.id);
      const undoUrl = `${new URL(links.unsubscribeUrl(subscriber.id, null)).pathname}/undo`;
      return send(reply, unsubscribedPage(text, canUndo ? text.to(undoUrl) : undefined));
    }),
  );

  const dataOptions = mailingOptions(({ params }) => {
    const id = links.readPreferencesToken((params as WithToken['Params']).token);
    return id && `data:${id}`;
  });
  for (const action of ['export', 'erase'] as const) {
    app.post<WithToken>(
      `/preferences/:token/${action}`,
      dataOptions,
      withPerson(async (_request, reply, subscriber, text) => {
        await jobs.send(database, sendDataLinkJob, { subscriberId: subscriber.id, action, requestId: clock.newId() });
        return send(reply, dataMailPage(text, subscriber.email));
      }),
    );
  }
}
