import { PgBoss } from 'pg-boss';

/** Creates or migrates the queue's own schema (`pgboss`). Safe to call from several processes at once. */
export async function migrateJobs(url: string): Promise<void> {
  const boss = new PgBoss({ connectionString: url, schema: 'pgboss', supervise: false, schedule: false, max: 2 });
  await boss.start();
  await boss.stop({ graceful: false });
}
