import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Database, Queryable } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { listDefinitions } from '../custom-fields/custom-field-store.ts';
import { emailField } from '../forms/form-embed.ts';
import { findFormBySlug } from '../forms/form-store.ts';
import { defaultFormSlug, type SubscriptionForm } from '../forms/form-types.ts';
import type { MessageKey } from '../messages/messages.ts';
import { mailingOptions, originOf, pageOptions, type SendPage } from '../pages/page-replies.ts';
import type { PageText, PageTextOf } from '../pages/page-text.ts';
import { pageTextIn } from '../pages/page-text.ts';
import { fieldViews, type Topic } from '../pages/reader-fields.ts';
import { type AskedField, type FormBody, formBodyOf, type ReaderFault, readReaderInput } from '../pages/reader-input.ts';
import { type EmailFaultCode, readEmail } from '../subscribers/email-address.ts';
import { maxEmailLength } from '../subscribers/subscriber-fields.ts';
import * as pages from './subscription-pages.ts';
import type { SubscriptionService } from './subscription-service.ts';

export type FormPageDependencies = {
  readonly database: Database;
  readonly service: SubscriptionService;
  readonly send: SendPage;
  readonly textOf: PageTextOf;
  readonly siteTitle: string;
  readonly siteLanguage: string;
  readonly topics: readonly Topic[];
};

const slugPattern = /^[a-z0-9-]{1,80}$/;

const builtInFields: readonly AskedField[] = [{ field: 'name', required: false }];

const faultKeys: Readonly<Record<EmailFaultCode, MessageKey>> = {
  malformed: 'fault.malformed',
  disposable: 'fault.disposable',
  look_alike: 'fault.lookAlike',
};

/** What was sent, whichever form it is for: whether a program filled it in, and the address. */
function readAddress(body: FormBody) {
  return { isTrapped: body.text('website') !== '', email: readEmail(body.text('email')) };
}

/** Whose mailbox the form is about, or undefined when no mail will go out. */
function mailboxOf(request: FastifyRequest): string | undefined {
  const { isTrapped, email } = readAddress(formBodyOf(request.body));
  return isTrapped || 'fault' in email ? undefined : email.value.toLowerCase();
}

/** The forms by which people come, at `/subscribe` and `/subscribe/:slug`; other sites' pages post to them as well. */
export function registerForms(app: HttpServer, dependencies: FormPageDependencies): void {
  const { database, send, textOf } = dependencies;

  // Whatever stands in the address: what no form can be called is not looked for.
  const find = async (queryable: Queryable, slug = defaultFormSlug) =>
    slugPattern.test(slug) ? findFormBySlug(queryable, slug) : undefined;

  async function show(request: FastifyRequest, reply: FastifyReply, slug: string | undefined): Promise<FastifyReply> {
    const form = await find(database.reads, slug);
    if (form === undefined && slug !== undefined) return send(reply, pages.unknownLinkPage(textOf(request)), 404);
    const text = form === undefined ? textOf(request) : pageTextIn(form.language);
    return send(reply, await formPage(dependencies, form, text, formBodyOf(null), []));
  }

  async function receive(request: FastifyRequest, reply: FastifyReply, slug: string | undefined): Promise<FastifyReply> {
    const form = await find(database.latest, slug);
    if (form === undefined && slug !== undefined) return send(reply, pages.unknownLinkPage(textOf(request)), 404);
    return receiveForm(dependencies, request, reply, form, form === undefined ? textOf(request) : pageTextIn(form.language));
  }

  const options = mailingOptions(mailboxOf);
  app.get('/subscribe', pageOptions, (request, reply) => show(request, reply, undefined));
  app.post('/subscribe', options, (request, reply) => receive(request, reply, undefined));
  app.get<{ Params: { slug: string } }>('/subscribe/:slug', pageOptions, (request, reply) => show(request, reply, request.params.slug));
  app.post<{ Params: { slug: string } }>('/subscribe/:slug', options, (request, reply) => receive(request, reply, request.params.slug));
}

const pathOf = (form: SubscriptionForm | undefined) => (form === undefined ? '/subscribe' : `/subscribe/${form.slug}`);

const statementOf = (form: SubscriptionForm | undefined, { t }: PageText, siteTitle: string) =>
  form?.consentStatement ?? t('form.statement', { site: siteTitle });

async function formPage(
  { database, siteTitle, siteLanguage, topics }: FormPageDependencies,
  form: SubscriptionForm | undefined,
  text: PageText,
  values: FormBody,
  faults: readonly ReaderFault[],
) {
  const asked = form?.fields ?? builtInFields;
  const definitions = await listDefinitions(database.reads);
  const emailFault = faults.find(({ field }) => field === 'email');
  const email = values.text('email').toWellFormed().slice(0, maxEmailLength);
  return pages.formPage(text, {
    action: text.to(pathOf(form)),
    title: form?.title ?? text.t('form.title'),
    intro: form?.intro ?? '',
    statement: statementOf(form, text, siteTitle),
    isAtOnce: form?.doubleOptIn === false,
    fields: [
      emailField(text, email, emailFault && text.t(emailFault.key)),
      ...fieldViews(asked, { text, topics, siteLanguage, definitions, values, faults }),
    ],
    hasSwitch: form === undefined,
  });
}

async function receiveForm(
  dependencies: FormPageDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
  form: SubscriptionForm | undefined,
  text: PageText,
): Promise<FastifyReply> {
  const { database, service, send, siteTitle, topics } = dependencies;
  const body = formBodyOf(request.body);
  const { isTrapped, email } = readAddress(body);
  const isAtOnce = form?.doubleOptIn === false;
  const answer = () => {
    if (form?.redirectUrl) return reply.code(303).header('location', form.redirectUrl).send();
    return send(reply, isAtOnce ? pages.receivedPage(text) : pages.requestedPage(text, text.to(pathOf(form))));
  };
  if (isTrapped) return answer();
  const known = { definitions: await listDefinitions(database.latest), topics: new Set(topics.map(({ slug }) => slug)) };
  const input = readReaderInput(body, form?.fields ?? builtInFields, known, false);
  const faults = [...('fault' in email ? [{ field: 'email', key: faultKeys[email.code] }] : []), ...input.faults];
  if ('fault' in email || faults.length > 0) return send(reply, await formPage(dependencies, form, text, body, faults), 422);
  const chosen = [...new Set([...(form?.topics ?? []), ...(input.details.topics ?? [])])];
  await service.request(
    {
      email: email.value,
      profile: {
        language: text.language,
        ...input.details,
        ...(form !== undefined && { tags: form.tags }),
        ...(chosen.length > 0 && { topics: chosen }),
      },
      ...(Object.keys(input.custom).length > 0 && { given: { values: input.custom, from: 'text' } as const }),
      source: form === undefined ? 'form' : `form:${form.slug}`,
      statement: { text: statementOf(form, text, siteTitle), language: text.language, form: form?.slug ?? null },
      isAtOnce,
    },
    originOf(request, 'form'),
  );
  return answer();
}
