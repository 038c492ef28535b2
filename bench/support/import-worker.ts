import { readFileSync } from 'node:fs';
import { createDatabase } from '#platform/database';
import { createEvents } from '#platform/events';
import { createJobs } from '#platform/jobs';
import { createSmtpTransport } from '#platform/mail';
import { createStorage } from '#platform/storage';
import { createLogger, createMetrics } from '#platform/telemetry';
import { createSubscriberManager } from '#services/subscriber-manager';
import { systemClock } from '#shared/clock';

/** A process that imports one list and nothing else, so that its memory is the import's own: `import-worker.ts URL FILE FOLDER`. */
export type ImportOutcome = {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly faulty: number;
  readonly seconds: number;
  readonly rssMb: number;
  readonly rssAtRestMb: number;
};

function memoryMb(name: 'VmHWM' | 'VmRSS'): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  const [, kilobytes = '0'] = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

const [url = '', file = '', folder = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'error', format: 'json', role: 'bench' });
const metrics = createMetrics('bench');
const clock = systemClock;
const database = createDatabase({ url, applicationName: 'aquascene-bench', maxConnections: 3, logger, metrics });
const jobs = await createJobs({ database, isSupervisor: false, logger, metrics });
const events = createEvents({ database, clock, logger, metrics });
const mail = createSmtpTransport({ url: 'smtp://127.0.0.1:1', logger, metrics });
const storage = createStorage({ config: { kind: 'folder', folder }, publicUrl: 'http://localhost', secret: 'bench', clock, metrics });
const { importFile } = createSubscriberManager({
  ...{ database, jobs, events, clock, logger, metrics, storage, mail },
  site: { baseUrl: 'http://localhost', title: 'Bench', tagline: '', language: 'en' },
  secret: 'bench',
  mailFrom: 'Bench <bench@example.org>',
  renderPage: async ({ html }) => html,
});
const rssAtRestMb = memoryMb('VmRSS');
const started = performance.now();
const { created, updated, unchanged, faulty } = await importFile(file, { source: 'bench' }, 'bench');
const seconds = (performance.now() - started) / 1000;
console.log(
  JSON.stringify({ created, updated, unchanged, faulty, seconds, rssMb: memoryMb('VmHWM'), rssAtRestMb } satisfies ImportOutcome),
);
await mail.close();
await storage.close();
await database.close();
process.exit(0);
