import { recordAudit } from '#platform/audit';
import { type Database, type Queryable, sql, type Transaction } from '#platform/database';
import type { Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { invalid } from '#shared/errors';
import { applyAutoApproval } from './article-jobs.ts';

export type WorkspaceSettings = {
  /** A new article whose quality score (0–1) reaches it is approved and published without a person; null: a person decides. */
  readonly autoApproveMinScore: number | null;
};

const settingName = 'workspace';
const defaults: WorkspaceSettings = { autoApproveMinScore: null };

export async function readWorkspaceSettings(database: Queryable): Promise<WorkspaceSettings> {
  const row = await database.maybeOne<{ value: Partial<WorkspaceSettings> }>(
    'settings.read-workspace',
    sql`select value from settings where name = ${settingName}`,
  );
  return { ...defaults, ...row?.value };
}

/** Two who save at once come one after another: the row is made, then locked. */
async function lockWorkspaceSettings(tx: Transaction): Promise<WorkspaceSettings> {
  await tx.execute(
    'settings.make-workspace',
    sql`insert into settings (name, value) values (${settingName}, '{}'::jsonb) on conflict (name) do nothing`,
  );
  await tx.execute('settings.lock-workspace', sql`select 1 from settings where name = ${settingName} for update`);
  return readWorkspaceSettings(tx);
}

export async function saveWorkspaceSettings(
  { database, jobs, clock }: { readonly database: Database; readonly jobs: Jobs; readonly clock: Clock },
  change: Partial<WorkspaceSettings>,
  actor: string,
): Promise<WorkspaceSettings> {
  const score = change.autoApproveMinScore;
  if (typeof score === 'number' && !(score >= 0 && score <= 1)) {
    throw invalid('The settings are not valid.', [{ path: '/autoApproveMinScore', message: 'must be a number from 0 to 1, or null' }]);
  }
  return database.transaction(async (tx) => {
    const before = await lockWorkspaceSettings(tx);
    const settings: WorkspaceSettings = { ...before, ...(score !== undefined && { autoApproveMinScore: score }) };
    if (settings.autoApproveMinScore === before.autoApproveMinScore) return before;
    const at = clock.now();
    await tx.execute(
      'settings.save-workspace',
      sql`update settings set value = ${JSON.stringify(settings)}::jsonb, updated_at = ${at} where name = ${settingName}`,
    );
    const what = { action: 'workspace.save', subject: 'workspace', details: { before, after: settings } };
    await recordAudit(tx, { id: clock.newId(), at, actor, ...what });
    // What waits in review may reach the new threshold.
    if (settings.autoApproveMinScore !== null) await jobs.send(tx, applyAutoApproval, {});
    return settings;
  });
}
