import type { Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { AppError, conflict, type FieldFault, invalid } from '#shared/errors';
import type { Audience, Issue, IssueSchedule, PublishedArticle } from '../../distributor-types.ts';
import { getIssue, insertIssue, lockIssue, recordAction } from '../issue-store.ts';
import { readSchedule, type ScheduleInput } from '../schedules/read-schedule.ts';
import { type DraftFields, draftFaults, planFaults } from './draft-fields.ts';
import { deleteIssue, updateIssue } from './draft-store.ts';

export type DraftInput = Partial<DraftFields> & {
  /** Name of a template. */
  readonly template?: string;
  readonly schedule?: ScheduleInput | null;
};
export type NewCampaign = DraftInput & { readonly subject: string };

export type Drafts = {
  /** @throws AppError `invalid_request` that names each faulty field */
  createCampaign(campaign: NewCampaign, actor: string): Promise<Issue>;
  /** `version`: of the issue that the change was made on; left out, the last one to write wins. @throws AppError `campaign_changed` (409) */
  changeCampaign(id: string, change: DraftInput & { readonly version?: number }, actor: string): Promise<Issue>;
  /** Of a draft only: what has left is kept. */
  deleteCampaign(id: string, version: number | undefined, actor: string): Promise<void>;
  /** The same content as a new draft, with no schedule. `changes` go over what is taken. */
  copyCampaign(id: string, changes: DraftInput, actor: string, resendOf?: string): Promise<Issue>;
};

export type DraftDependencies = Pick<ServiceDependencies, 'database' | 'clock'> & {
  readonly subscribers: Pick<Audience, 'hasSegment'>;
  readonly templateIdOf: (name: string) => Promise<string>;
  readonly findPublished: (id: string) => Promise<PublishedArticle | undefined>;
};

const defaultTemplate = 'digest';
const blank: DraftFields = {
  subject: '',
  preheader: '',
  body: '',
  blocks: [],
  variables: {},
  textOverride: null,
  articleIds: [],
  segmentId: null,
  topics: [],
  tracking: 'individual',
  onUncertain: 'hold',
  variants: [],
  abTest: null,
};
const changeable: readonly Issue['status'][] = ['draft', 'failed'];

export function createDrafts(dependencies: DraftDependencies): Drafts {
  const { database, clock, subscribers, templateIdOf, findPublished } = dependencies;

  /** What only the database knows: whether what is named exists. Only what changed is asked for. */
  async function referenceFaults(draft: DraftFields, changed: DraftInput): Promise<FieldFault[]> {
    const faults: FieldFault[] = [];
    if (changed.articleIds !== undefined) {
      const articles = await Promise.all(draft.articleIds.map(findPublished));
      for (const [index, article] of articles.entries()) {
        if (article === undefined) faults.push({ path: `/articleIds/${index}`, message: 'is not the id of a published article' });
      }
    }
    const named = new Map<string, string>();
    if (changed.segmentId !== undefined && draft.segmentId !== null) named.set('/segmentId', draft.segmentId);
    if (changed.blocks !== undefined) {
      for (const [index, { segmentIds }] of draft.blocks.entries()) {
        for (const [place, id] of segmentIds.entries()) named.set(`/blocks/${index}/segmentIds/${place}`, id);
      }
    }
    const known = new Map<string, boolean>();
    for (const id of new Set(named.values())) known.set(id, await subscribers.hasSegment(id));
    for (const [path, id] of named) if (known.get(id) !== true) faults.push({ path, message: 'is not the id of a segment' });
    return faults;
  }

  async function templateFaults(name: string | undefined): Promise<readonly FieldFault[]> {
    if (name === undefined) return [];
    try {
      await templateIdOf(name);
      return [];
    } catch (error) {
      if (error instanceof AppError && error.code === 'invalid_request') return error.fields;
      throw error;
    }
  }

  async function check(draft: DraftFields, changed: DraftInput, schedule: IssueSchedule | null): Promise<void> {
    const faults = [...draftFaults(draft), ...planFaults(draft.abTest, schedule)];
    const all = faults.length > 0 ? faults : [...(await referenceFaults(draft, changed)), ...(await templateFaults(changed.template))];
    if (all.length > 0) throw invalid(summaryOf(all), all);
  }

  const recordAs = (tx: Transaction, actor: string, action: string, issueId: string, details: object = {}) =>
    recordAction(tx, { id: clock.newId(), at: clock.now(), actor, action: `campaign.${action}`, issueId, details });

  async function insert(draft: DraftFields, templateId: string, schedule: IssueSchedule | null, actor: string, resendOf: string | null) {
    const id = clock.newId();
    return database.transaction(async (tx) => {
      const values = { ...draft, id, key: `campaign-${id}`, templateId, schedule, resendOf, createdBy: actor, createdAt: clock.now() };
      const issue = await insertIssue(tx, values);
      if (issue === undefined) throw conflict('campaign_exists', 'A campaign with this id exists already.');
      await recordAs(tx, actor, 'created', id, resendOf === null ? {} : { resendOf });
      return issue;
    });
  }

  return {
    async createCampaign({ template, schedule: planned, ...given }, actor) {
      const draft = tidy({ ...blank, ...given });
      const schedule = await readSchedule(database, planned ?? null, clock.now(), '/schedule');
      const name = template ?? defaultTemplate;
      await check(draft, { ...draft, template: name }, schedule);
      return insert(draft, await templateIdOf(name), schedule, actor, null);
    },

    async changeCampaign(id, { version, template, schedule: planned, ...change }, actor) {
      const schedule = planned === undefined ? undefined : await readSchedule(database, planned, clock.now(), '/schedule');
      const current = asDraft(await getIssue(database, id), version);
      // Outside of the transaction: the articles and segments are other services'. The issue may change meanwhile, so the
      // version that was checked is the one that is written on.
      const draft = tidy({ ...fieldsOf(current), ...change });
      await check(draft, { ...change, ...(template !== undefined && { template }) }, schedule === undefined ? current.schedule : schedule);
      const templateId = template === undefined ? undefined : await templateIdOf(template);
      return database.transaction(async (tx) => {
        asDraft(await lockIssue(tx, id), current.version);
        const next = {
          ...draft,
          templateId: templateId ?? current.templateId,
          schedule: schedule === undefined ? current.schedule : schedule,
        };
        const fields = [
          ...Object.keys(change),
          ...(templateId === undefined ? [] : ['template']),
          ...(schedule === undefined ? [] : ['schedule']),
        ];
        await recordAs(tx, actor, 'changed', id, { fields });
        return updateIssue(tx, id, next);
      });
    },

    async deleteCampaign(id, version, actor) {
      await database.transaction(async (tx) => {
        const issue = asDraft(await lockIssue(tx, id), version);
        if (issue.status !== 'draft')
          throw conflict(`campaign_${issue.status}`, `The campaign is ${issue.status}: it cannot be deleted, only cancelled.`);
        await deleteIssue(tx, id);
        await recordAs(tx, actor, 'deleted', id, { subject: issue.subject });
      });
    },

    async copyCampaign(id, { template, schedule: planned, ...changes }, actor, resendOf) {
      const source = await getIssue(database, id);
      const draft = tidy({ ...fieldsOf(source), ...changes });
      const schedule = await readSchedule(database, planned ?? null, clock.now(), '/schedule');
      await check(draft, { ...changes, ...(template !== undefined && { template }) }, schedule);
      return insert(draft, template === undefined ? source.templateId : await templateIdOf(template), schedule, actor, resendOf ?? null);
    },
  };
}

function asDraft(issue: Issue, version: number | undefined): Issue {
  if (!changeable.includes(issue.status)) {
    throw conflict(`campaign_${issue.status}`, `The campaign is ${issue.status}: only a draft can be changed.`);
  }
  if (issue.kind === 'sequence_step') {
    throw conflict('campaign_of_sequence', 'This is the mail of a sequence: it is changed with the sequence.');
  }
  if (version !== undefined && version !== issue.version) {
    throw conflict('campaign_changed', `The campaign was changed meanwhile: it is at version ${issue.version}, not ${version}.`);
  }
  return issue;
}

function fieldsOf(issue: Issue): DraftFields {
  const {
    subject,
    preheader,
    body,
    blocks,
    variables,
    textOverride,
    articleIds,
    segmentId,
    topics,
    tracking,
    onUncertain,
    variants,
    abTest,
  } = issue;
  return {
    subject,
    preheader,
    body,
    blocks,
    variables,
    textOverride,
    articleIds,
    segmentId,
    topics,
    tracking,
    onUncertain,
    variants,
    abTest,
  };
}

/** What differs in no way that a reader would see: spaces around a line, the same twice. */
function tidy(draft: DraftFields): DraftFields {
  return {
    ...draft,
    subject: trimSpaces(draft.subject),
    preheader: trimSpaces(draft.preheader),
    articleIds: [...new Set(draft.articleIds)],
    topics: [...new Set(draft.topics.map((topic) => trimSpaces(topic)))],
  };
}

// `trim` would take line breaks away, which are a fault.
const trimSpaces = (text: string) => text.replace(/^ +| +$/g, '');

function summaryOf(faults: readonly FieldFault[]): string {
  return `The campaign is not valid: ${faults
    .slice(0, 5)
    .map(({ path, message }) => `${path} ${message}`)
    .join('; ')}.`;
}
