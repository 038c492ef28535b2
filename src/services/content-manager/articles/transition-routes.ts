import { actorOf, type HttpServer } from '#platform/http-server';
import { IdParams } from '#shared/schema';
import { etagOf, expectedVersionOf, showArticle } from './article-answers.ts';
import { ArticleShape, RejectBody, ScheduleBody, StepBody } from './article-schema.ts';
import type { Transitions } from './transitions.ts';
import { workflow } from './workflow.ts';

const tags = ['content'];
const simpleSteps = {
  submit: 'Hand a draft in for review',
  approve: 'Approve what is in review',
  unschedule: 'Take back the time of publication',
  publish: 'Publish an approved or scheduled article now',
  archive: 'Take a published article off the site, or put a draft or a rejected article away',
  reopen: 'Make a rejected or archived article a draft again',
} as const;

const illegal = (from: readonly string[]) =>
  `From ${from.join(', ')}; from any other status 409 illegal_transition, which says what is allowed.`;

/** Every step answers with the article as it stands afterwards. */
export function registerTransitions(app: HttpServer, transitions: Transitions): void {
  for (const [action, summary] of Object.entries(simpleSteps) as [keyof typeof simpleSteps, string][]) {
    app.post(
      `/api/v1/content/:id/${action}`,
      {
        config: { access: 'content:write' },
        schema: {
          tags,
          summary,
          description: illegal(workflow[action].from),
          params: IdParams,
          body: StepBody,
          response: { 200: ArticleShape },
        },
      },
      async (request, reply) => {
        const { reason, version } = request.body ?? {};
        const options = { reason, expectedVersion: expectedVersionOf(request, version) };
        const article = await transitions[action](request.params.id, actorOf(request), options);
        return reply.header('etag', etagOf(article)).send(showArticle(article));
      },
    );
  }
  app.post(
    '/api/v1/content/:id/reject',
    {
      config: { access: 'content:write' },
      schema: {
        tags,
        summary: 'Reject, with a reason',
        description: illegal(workflow.reject.from),
        params: IdParams,
        body: RejectBody,
        response: { 200: ArticleShape },
      },
    },
    async (request, reply) => {
      const { reason, version } = request.body;
      const options = { expectedVersion: expectedVersionOf(request, version) };
      const article = await transitions.reject(request.params.id, actorOf(request), reason, options);
      return reply.header('etag', etagOf(article)).send(showArticle(article));
    },
  );
  app.post(
    '/api/v1/content/:id/schedule',
    {
      config: { access: 'content:write' },
      schema: {
        tags,
        summary: 'Publish an approved article at a time to come',
        description: illegal(workflow.schedule.from),
        params: IdParams,
        body: ScheduleBody,
        response: { 200: ArticleShape },
      },
    },
    async (request, reply) => {
      const { at, reason, version } = request.body;
      const options = { reason, expectedVersion: expectedVersionOf(request, version) };
      const article = await transitions.schedule(request.params.id, actorOf(request), new Date(at), options);
      return reply.header('etag', etagOf(article)).send(showArticle(article));
    },
  );
}
