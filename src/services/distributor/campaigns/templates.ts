import { recordAudit } from '#platform/audit';
import type { Queryable } from '#platform/database';
import { AppError, conflict, invalid } from '#shared/errors';
import { truncate } from '#shared/text';
import type { DistributorDependencies } from '../distributor-types.ts';
import type { IssueToCompile } from '../rendering/issue-to-compile.ts';
import * as store from './template-store.ts';

export type NewTemplate = Partial<store.TemplateContent> & {
  readonly name: string;
  /** Name of the template whose content is taken where none is given. */
  readonly copyOf?: string;
};

export type Templates = {
  /** @throws AppError `invalid_request` (also with the fault of the template, and its line) | `template_exists` */
  create(template: NewTemplate, actor: string): Promise<store.Template>;
  /** `version`: that the change was made on. @throws AppError as `create` | `template_changed` | `template_read_only` */
  change(id: string, change: Partial<store.TemplateContent> & { readonly version: number }, actor: string): Promise<store.Template>;
  /** Goes back to what an earlier version was, as a new one. */
  restore(id: string, version: number, actor: string): Promise<store.Template>;
  /** @throws AppError `template_in_use` | `template_read_only` */
  remove(id: string, actor: string): Promise<void>;
  /** What would be said of it; nothing is stored. */
  validate(template: Pick<store.TemplateContent, 'mjml' | 'textTemplate'> & { readonly name: string }): Promise<TemplateFault | undefined>;
};

export type TemplateFault = { readonly file: string | null; readonly line: number | null; readonly message: string };

const compileWorker = new URL('../rendering/compile-issue-worker.ts', import.meta.url);
/** Of CPU time. */
const compileTimeoutMs = 5000;
const place = /^(.+?\.(?:mjml|txt\.liquid))(?:, line (\d+))?: ([\s\S]*)$/;

export function createTemplates(
  dependencies: Pick<DistributorDependencies, 'database' | 'clock' | 'compute' | 'site' | 'subscribers' | 'templatesFolder'>,
): Templates {
  const { database, clock, compute, site, subscribers } = dependencies;

  /** Compiles the template with articles and texts that stand for others. */
  async function validate({ name, mjml, textTemplate }: Pick<store.TemplateContent, 'mjml' | 'textTemplate'> & { readonly name: string }) {
    const customFields = await subscribers.customFieldNames?.(database);
    const sample = sampleIssue({ template: { name, mjml, textTemplate }, site, date: clock.now(), customFields });
    try {
      await compute.run<IssueToCompile, unknown>(compileWorker, sample, { timeoutMs: compileTimeoutMs });
      return undefined;
    } catch (error) {
      if (!(error instanceof AppError) || !['template_faulty', 'compute_timed_out', 'compute_out_of_memory'].includes(error.code))
        throw error;
      const [, file = null, line, message = error.message] = place.exec(error.message) ?? [];
      return { file, line: line === undefined ? null : Number(line), message: truncate(message, 500) };
    }
  }

  async function check(template: store.TemplateContent & { readonly name: string }): Promise<void> {
    const fault = await validate(template);
    if (fault === undefined) return;
    const line = fault.line === null ? '' : `line ${fault.line}: `;
    throw invalid(`The template ${template.name} cannot be used.`, [
      { path: fault.file?.endsWith('.txt.liquid') ? '/textTemplate' : '/mjml', message: `${line}${fault.message}` },
    ]);
  }

  const record = (tx: Queryable, actor: string, action: string, id: string) =>
    recordAudit(tx, { id: clock.newId(), at: clock.now(), actor, action: `template.${action}`, subject: `template:${id}` });

  async function change(
    id: string,
    version: number,
    actor: string,
    action: string,
    contentOf: (before: store.Template) => store.TemplateContent,
  ) {
    const found = await store.findTemplate(database, id);
    assertOwn(found);
    const content = contentOf(found);
    await check({ ...content, name: found.name });
    return database.transaction(async (tx) => {
      const before = await store.lockTemplate(tx, id);
      if (before.version !== version) {
        throw conflict('template_changed', `The template is at version ${before.version}; the change was made on ${version}.`);
      }
      await record(tx, actor, action, id);
      return store.updateTemplate(tx, before, { ...content, actor, at: clock.now() });
    });
  }

  return {
    validate,
    async create({ name, copyOf, ...given }, actor) {
      const original = copyOf === undefined ? undefined : await findOriginal(database, copyOf);
      const mjml = given.mjml ?? original?.mjml;
      if (mjml === undefined) throw invalid('A template has MJML, or is the copy of one.', [{ path: '/mjml', message: 'is missing' }]);
      const content = {
        description: given.description ?? original?.description ?? '',
        mjml,
        textTemplate: given.textTemplate ?? (given.mjml === undefined ? (original?.textTemplate ?? '') : ''),
      };
      await check({ ...content, name });
      return database.transaction(async (tx) => {
        const template = await store.insertTemplate(tx, { ...content, id: clock.newId(), name, actor, at: clock.now() });
        if (template === undefined) throw conflict('template_exists', `There is a template "${name}" already.`);
        await record(tx, actor, 'created', template.id);
        return template;
      });
    },
    change: (id, { version, ...given }, actor) =>
      change(id, version, actor, 'changed', ({ description, mjml, textTemplate }) => ({ description, mjml, textTemplate, ...given })),
    async restore(id, version, actor) {
      const [current, { description, mjml, textTemplate }] = await Promise.all([
        store.findTemplate(database, id),
        store.findTemplateVersion(database, id, version),
      ]);
      return change(id, current.version, actor, 'restored', () => ({ description, mjml, textTemplate }));
    },
    async remove(id, actor) {
      await database.transaction(async (tx) => {
        assertOwn(await store.lockTemplate(tx, id));
        const use = await store.findUseOfTemplate(tx, id);
        if (use !== undefined) throw conflict('template_in_use', `The campaign ${use.id} is made with this template.`);
        await store.deleteTemplate(tx, id);
        await record(tx, actor, 'deleted', id);
      });
    },
  };
}

function assertOwn({ name, isBuiltIn }: store.Template): void {
  if (isBuiltIn) throw conflict('template_read_only', `The template "${name}" comes with the engine: copy it, and change the copy.`);
}

async function findOriginal(database: Queryable, name: string): Promise<store.Template> {
  const original = await store.findTemplateByName(database, name);
  if (original === undefined) throw invalid('There is no such template.', [{ path: '/copyOf', message: 'is not the name of a template' }]);
  return original;
}

function sampleIssue(given: Pick<IssueToCompile, 'template' | 'site' | 'date' | 'customFields'>): IssueToCompile {
  const article = (number: number) => ({
    id: `00000000-0000-7000-8000-00000000000${number}`,
    slug: `article-${number}`,
    title: `Article ${number}`,
    summary: 'What it is about.',
    url: `${given.site.baseUrl}/articles/article-${number}`,
    language: given.site.language,
    category: number === 1 ? null : 'plants',
    publishedAt: given.date,
  });
  return {
    ...given,
    subject: 'Subject',
    preheader: 'Preheader',
    body: '',
    blocks: [],
    variables: {},
    textOverride: null,
    tracking: 'individual',
    variants: [],
    articles: [article(1), article(2)],
    postalAddress: '1 Sample Street',
  };
}
