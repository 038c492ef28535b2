import { invalid } from '#shared/errors';
import type { DistributorDependencies, Issue } from '../distributor-types.ts';
import { chooseWinnerByHand } from './ab-tests/ab-tests.ts';
import { type CompileContent, createContentCompiler, findPublished } from './compile-content.ts';
import { createDigestMaker, type DigestOutcome, type DigestRequest } from './digest.ts';
import { createDrafts, type Drafts } from './drafts/drafts.ts';
import { createLifecycle, type Lifecycle } from './lifecycle.ts';
import { assertSendable, createPreflight, type RunPreflight } from './preflight/index.ts';
import { createResends, type Resends } from './resends/resends.ts';
import { findTemplateByName, listTemplateNames, loadTemplates } from './template-store.ts';

export type Campaigns = Drafts &
  Lifecycle &
  Resends & {
    /** The same key gives the first digest of that key. */
    createDigest(request: DigestRequest): Promise<DigestOutcome>;
    /** Ends an A/B test before its time: the rest gets this variant. */
    chooseWinner(id: string, variant: number, actor: string): Promise<Issue>;
    /** The issue with its articles as they are published now. @throws AppError `template_faulty` | `nothing_to_send` */
    readonly compile: CompileContent;
    readonly runPreflight: RunPreflight;
    /** Resolves when the templates that come with the engine are in the database. */
    ensureTemplates(): Promise<void>;
    /** @throws AppError `invalid_request` that names those that there are */
    templateIdOf(name: string): Promise<string>;
  };

export function createCampaigns(dependencies: DistributorDependencies): Campaigns {
  const { database, clock, contentManager } = dependencies;
  let templates: Promise<void> | undefined;

  const reloadTemplates = () => loadTemplates(database, clock, dependencies.templatesFolder);

  /** Once a process: a new release brings its templates with it. */
  function ensureTemplates(): Promise<void> {
    templates ??= reloadTemplates().catch((error: unknown) => {
      templates = undefined;
      throw error;
    });
    return templates;
  }

  async function templateIdOf(name: string): Promise<string> {
    await ensureTemplates();
    const template = await findTemplateByName(database, name);
    if (template !== undefined) return template.id;
    const known = (await listTemplateNames(database)).join(', ');
    throw invalid(`There is no template "${name}"; there are: ${known}.`, [{ path: '/template', message: `must be one of ${known}` }]);
  }

  const compile = createContentCompiler(dependencies);
  const runPreflight = createPreflight({ ...dependencies, compile });
  const drafts = createDrafts({ ...dependencies, templateIdOf, findPublished: (id) => findPublished(contentManager, id) });

  return {
    ...drafts,
    ...createLifecycle({ ...dependencies, reloadTemplates, assertSendable: (issue) => assertSendable(runPreflight, issue) }),
    ...createResends({ ...dependencies, copyCampaign: drafts.copyCampaign }),
    createDigest: createDigestMaker({ ...dependencies, templateIdOf }),
    chooseWinner: (id, variant, actor) => chooseWinnerByHand(dependencies, id, variant, actor),
    compile,
    runPreflight,
    templateIdOf,
    ensureTemplates,
  };
}
