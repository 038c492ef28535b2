import type { Compute } from '#platform/compute';
import { AppError } from '#shared/errors';
import type { CheckInput, Quality } from './checks/index.ts';
import type { PassageSelection } from './extractive/index.ts';
import type { Brief, RawContent } from './generation-types.ts';
import { buildPrompt, type House, type LlmRouter } from './llm/index.ts';
import type { CheckedOutcome, Reference, WritingResult, WritingTask } from './writing-worker.ts';

export const extractiveWriter = 'extractive';

export type WriterOutcome = CheckedOutcome & { readonly writer: string };

export type Writing = {
  /** Writes from the pages and checks what was written. `requestId` is kept with each call of a model. */
  write(brief: Brief, pages: readonly RawContent[], requestId: string, signal: AbortSignal): Promise<WriterOutcome>;
  check(input: CheckInput): Promise<Quality>;
};

const worker = new URL('./writing-worker.ts', import.meta.url);
const timeoutMs = 30_000;

export function createWriting(options: {
  readonly compute: Pick<Compute, 'run'>;
  readonly reference: Reference;
  readonly house: House;
  /** Undefined: no provider is set, so sentences of the sources are put together. */
  readonly router: LlmRouter | undefined;
}): Writing {
  const { compute, reference, house, router } = options;

  type Task = WritingTask extends infer T ? (T extends WritingTask ? Omit<T, 'reference'> : never) : never;
  const runTask = (task: Task, signal?: AbortSignal) =>
    compute.run<WritingTask, WritingResult>(worker, { ...task, reference }, { timeoutMs, ...(signal !== undefined && { signal }) });
  const mismatch = (kind: string) =>
    new AppError('writing_failed', `The writing thread answered a task of the kind "${kind}" with another.`);

  async function runToOutcome(task: Task, signal: AbortSignal): Promise<CheckedOutcome> {
    const result = await runTask(task, signal);
    if (result.kind !== 'outcome') throw mismatch(task.kind);
    return result.outcome;
  }

  async function select(brief: Brief, pages: readonly RawContent[], signal: AbortSignal): Promise<PassageSelection> {
    const result = await runTask({ kind: 'select', brief, pages }, signal);
    if (result.kind !== 'selection') throw mismatch('select');
    return result.selection;
  }

  async function writeWithModel(
    models: LlmRouter,
    brief: Brief,
    pages: readonly RawContent[],
    requestId: string,
    signal: AbortSignal,
  ): Promise<WriterOutcome> {
    const selection = await select(brief, pages, signal);
    if (selection.kind === 'declined') return { ...selection, writer: 'none' };
    const { passages, headings } = selection;
    const prompt = buildPrompt({ brief, headings, passages, house });
    const { output, writer } = await models.generate({ prompt, purpose: 'write_article', requestId }, signal);
    return { ...(await runToOutcome({ kind: 'ground', draft: { brief, output, headings, passages } }, signal)), writer };
  }

  return {
    async write(brief, pages, requestId, signal) {
      if (router !== undefined) return writeWithModel(router, brief, pages, requestId, signal);
      return { ...(await runToOutcome({ kind: 'compose', brief, pages }, signal)), writer: extractiveWriter };
    },
    async check(input) {
      const result = await runTask({ kind: 'check', input });
      if (result.kind !== 'quality') throw mismatch('check');
      return result.quality;
    },
  };
}
