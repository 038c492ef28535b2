import { type Queryable, sql } from '#platform/database';

export type AuditEntry = {
  readonly id: string;
  readonly at: Date;
  /** `key:<name>` of an API key, `rule:<name>`, or what else acts by itself. */
  readonly actor: string;
  /** `<noun>.<verb>`. */
  readonly action: string;
  /** `<noun>:<id>`, by which the entries of a thing are found again. */
  readonly subject: string;
  readonly details?: object;
};

/** Keeps who did what, in the transaction that does it. */
export async function recordAudit(tx: Queryable, { id, at, actor, action, subject, details = {} }: AuditEntry): Promise<void> {
  await tx.execute(
    'audit.record',
    sql`insert into audit_log (id, occurred_at, actor, action, subject, details)
        values (${id}, ${at}, ${actor}, ${action}, ${subject}, ${JSON.stringify(details)}::jsonb)`,
  );
}
