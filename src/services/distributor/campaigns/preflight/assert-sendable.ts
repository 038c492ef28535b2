import { AppError } from '#shared/errors';
import type { Issue, IssueContent } from '../../distributor-types.ts';
import type { RunPreflight } from './preflight.ts';

/** @throws AppError `preflight_failed` (422) with all that must be mended before the issue may be sent */
export async function assertSendable(runPreflight: RunPreflight, issue: Issue, content?: IssueContent): Promise<void> {
  const { blocking } = await runPreflight(issue, content === undefined ? {} : { content });
  if (blocking.length === 0) return;
  const reasons = blocking.map(({ message, where }) => `${message} (${where})`);
  throw new AppError('preflight_failed', `The campaign cannot be sent: ${reasons.slice(0, maxReasons).join(' ')}`, {
    status: 422,
    fields: blocking
      .slice(0, maxFields)
      .map(({ code, message, where, howToMend }) => ({ path: `/${code}`, message: `${where}: ${message} ${howToMend}` })),
  });
}

const maxReasons = 5;
const maxFields = 50;
