import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, type RegisterRoutes } from '#platform/http-server';
import { invalid } from '#shared/errors';
import { closed } from '#shared/schema';
import type { Issue } from '../distributor-types.ts';
import type { IssueSource } from './compile-content.ts';
import { getIssue } from './issue-store.ts';
import type { RunPreflight } from './preflight/index.ts';
import type { PreviewedMail, PreviewRequest } from './preview.ts';
import { findTemplateByName } from './template-store.ts';
import { maxTestAddresses, type TestOutcome } from './test-send.ts';

const uuid = Type.String({ format: 'uuid', maxLength: 36 });
const maxTextLength = 100_000;
const line = (maxLength: number) => Type.String({ maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });
const request = {
  subscriberId: Type.Optional({ ...uuid, description: 'As whom; somebody of whom nothing is known unless told.' }),
  variant: Type.Optional(Type.Integer({ minimum: 0, maximum: 4 })),
};
const IdParams = Type.Object({ id: uuid });
const PreviewView = Type.Object({
  subject: Type.String(),
  html: Type.String(),
  text: Type.String(),
  variant: Type.Integer(),
  variants: Type.Integer({ description: 'How many there are.' }),
});
const DraftBody = Type.Object(
  {
    ...request,
    subject: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })),
    preheader: Type.Optional(line(300)),
    body: Type.Optional(Type.String({ maxLength: maxTextLength, description: 'Markdown.' })),
    blocks: Type.Optional(
      Type.Array(
        Type.Object(
          {
            slot: Type.String({ maxLength: 60 }),
            segmentIds: Type.Array(uuid, { maxItems: 20 }),
            body: Type.String({ maxLength: maxTextLength }),
          },
          closed,
        ),
        { maxItems: 20 },
      ),
    ),
    variables: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$', maxLength: 60 }),
        Type.Union([Type.String({ maxLength: 2000 }), Type.Number(), Type.Boolean()]),
        {
          maxProperties: 50,
        },
      ),
    ),
    textOverride: Type.Optional(Type.Union([Type.String({ maxLength: maxTextLength }), Type.Null()])),
    articleIds: Type.Optional(Type.Array(uuid, { maxItems: 20 })),
    variants: Type.Optional(
      Type.Array(
        Type.Object(
          {
            subject: Type.Optional(line(200)),
            preheader: Type.Optional(line(300)),
            body: Type.Optional(Type.String({ maxLength: maxTextLength })),
          },
          closed,
        ),
        { maxItems: 5 },
      ),
    ),
    template: Type.Optional(Type.String({ pattern: '^[\\w-]+$', maxLength: 100 })),
  },
  closed,
);
const FindingView = Type.Object({
  code: Type.String(),
  message: Type.String(),
  where: Type.String(),
  howToMend: Type.String(),
});
const ReportView = Type.Object({
  blocking: Type.Array(FindingView, { description: 'Nothing is sent while there are any.' }),
  warnings: Type.Array(FindingView),
  notes: Type.Array(Type.String({ description: 'What was not checked, and why.' })),
});
const TestBody = Type.Object(
  {
    ...request,
    addresses: Type.Array(Type.String({ minLength: 3, maxLength: 254 }), { minItems: 1, maxItems: maxTestAddresses }),
  },
  closed,
);
const TestView = Type.Object({
  results: Type.Array(
    Type.Object({
      address: Type.String(),
      outcome: Type.Enum(['accepted', 'rejected', 'unknown']),
      response: Type.String(),
    }),
  ),
});

const tags = ['campaigns'];
const reading = { access: 'campaigns:read', cost: 'expensive' } as const;

/** What is looked at before a campaign is sent. */
export function checkingRoutes(options: {
  readonly database: Database;
  readonly preview: (issue: Issue, request: PreviewRequest) => Promise<PreviewedMail>;
  readonly previewDraft: (draft: IssueSource, request: PreviewRequest) => Promise<PreviewedMail>;
  readonly runPreflight: RunPreflight;
  readonly sendTest: (
    issue: Issue,
    request: PreviewRequest & { readonly addresses: readonly string[] },
    actor: string,
  ) => Promise<TestOutcome[]>;
}): RegisterRoutes {
  const { database, preview, previewDraft, runPreflight, sendTest } = options;
  return (app) => {
    app.get(
      '/api/v1/campaigns/:id/preview',
      {
        schema: {
          tags,
          summary: 'The mail as a subscriber would get it, with nothing tracked',
          params: IdParams,
          querystring: Type.Object(request, closed),
          response: { 200: PreviewView },
        },
        config: reading,
      },
      async ({ params: { id }, query }) => preview(await getIssue(database.reads, id), query),
    );
    app.post(
      '/api/v1/campaigns/:id/preview',
      {
        schema: {
          tags,
          summary: 'The same with changes that are not saved',
          description: 'What is left out is as in the campaign. Nothing is stored.',
          params: IdParams,
          body: DraftBody,
          response: { 200: PreviewView },
        },
        config: reading,
      },
      async ({ params: { id }, body: { subscriberId, variant, template, ...changes } }) => {
        const issue = await getIssue(database.reads, id);
        const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Partial<IssueSource>;
        return previewDraft(
          { ...issue, ...given, ...(template !== undefined && { templateId: await templateIdOf(template) }) },
          { subscriberId, variant },
        );
      },
    );
    app.get(
      '/api/v1/campaigns/:id/preflight',
      {
        schema: {
          tags,
          summary: 'What keeps a campaign from being sent, and what may be wrong with it',
          params: IdParams,
          response: { 200: ReportView },
        },
        config: reading,
      },
      async ({ params: { id } }) => {
        const { blocking, warnings, notes } = await runPreflight(await getIssue(database.reads, id));
        return { blocking: [...blocking], warnings: [...warnings], notes: [...notes] };
      },
    );
    app.post(
      '/api/v1/campaigns/:id/test',
      {
        schema: {
          tags,
          summary: `Send the mail to up to ${maxTestAddresses} addresses, marked [Test]`,
          description: 'Nothing is tracked, its way out signs nobody off, and it is in no ledger. Suppressed addresses are refused.',
          params: IdParams,
          body: TestBody,
          response: { 200: TestView },
        },
        config: { access: 'campaigns:write', cost: 'expensive' },
      },
      async (call) => ({ results: await sendTest(await getIssue(database, call.params.id), call.body, actorOf(call)) }),
    );
  };

  async function templateIdOf(name: string): Promise<string> {
    const template = await findTemplateByName(database, name);
    if (template === undefined)
      throw invalid('There is no such template.', [{ path: '/template', message: 'is not the name of a template' }]);
    return template.id;
  }
}
