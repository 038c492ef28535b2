import type { Readable } from 'node:stream';
import { recordAudit } from '#platform/audit';
import type { ByteSource, Queryable, Transaction } from '#platform/database';
import type { JobContext } from '#platform/jobs';
import type { ServiceDependencies } from '#platform/service';
import type { Storage } from '#platform/storage';
import { AppError, conflict } from '#shared/errors';
import { listDefinitions } from '../custom-fields/custom-field-store.ts';
import {
  addProgress,
  forgetFiles,
  getImport,
  insertImport,
  listEndedImports,
  listOpenImports,
  moveImport,
  reopenImport,
  type SubscriberImport,
} from './import-job-store.ts';
import { importSubscribersJob } from './import-jobs.ts';
import { defaultImportOptions, type ImportCounts, type ImportFault, type ImportOptions } from './import-types.ts';
import { createImporter, type ImporterDependencies } from './importer.ts';

/** Of a list as it is handed in. */
export const maxListBytes = 2 * 1024 ** 3;
/** Text shrinks to a tenth or so; what unpacks to more than this many times its size is no list. */
const maxUnpackingFactor = 50;
const minUnpackedBytes = 64 * 1024 ** 2;
const fileLifeMs = 7 * 24 * 3600_000;
const cleanedAtOnce = 100;
const maxShownFaults = 100;

const overtaken = new AppError('import_overtaken', 'The import was cancelled, or another run goes on with it.', { status: 409 });

export type Upload = { readonly fileName: string; readonly body: Readable | Uint8Array; readonly options: Partial<ImportOptions> };
export type FileImportResult = ImportCounts & { readonly faults: readonly ImportFault[] };

export type ImportService = {
  /** Keeps the list and queues its import. @throws AppError `object_too_large` (413) */
  upload(upload: Upload, actor: string): Promise<SubscriberImport>;
  /** For the job: goes on behind what was done, until the list's end. */
  run(importId: string, job: Pick<JobContext, 'signal'>): Promise<void>;
  cancel(id: string, actor: string): Promise<SubscriberImport>;
  /** Goes on with what failed or was cancelled. */
  resume(id: string, actor: string): Promise<SubscriberImport>;
  tend(): Promise<void>;
  /** Imports a file at once, without a record of it. @throws AppError as `readImportRows` does */
  importFile(
    file: ByteSource,
    options: Partial<ImportOptions>,
    actor: string,
    /** Told of the rows that are done. */
    onRows?: (rows: number) => void,
  ): Promise<FileImportResult>;
};

type Dependencies = ImporterDependencies &
  Pick<ServiceDependencies, 'jobs' | 'logger'> & {
    readonly storage: Pick<Storage, 'put' | 'get' | 'removeMany'>;
    /** Slugs of the topics that readers can choose. */
    readonly listTopics: () => Promise<ReadonlySet<string>>;
    /** Whoever keeps count of subscribers may want to hear of many new ones at once. */
    readonly onImported: () => Promise<unknown>;
  };

export function createImportService(dependencies: Dependencies): ImportService {
  const { database, jobs, clock, logger, storage, listTopics, onImported } = dependencies;
  const importer = createImporter(dependencies);

  const audit = (tx: Queryable, id: string, action: string, actor: string, details: object = {}) =>
    recordAudit(tx, {
      id: clock.newId(),
      at: clock.now(),
      actor,
      action: `subscriber-import.${action}`,
      subject: `subscriber-import:${id}`,
      details,
    });

  const send = (tx: Transaction, importId: string) => jobs.send(tx, importSubscribersJob, { importId }, { singletonKey: importId });

  async function openFile({ storageKey }: SubscriberImport): Promise<ByteSource> {
    const found = storageKey === '' ? undefined : await storage.get(storageKey);
    if (found?.kind !== 'found')
      throw new AppError('import_file_gone', 'The file of the import is not there any more: hand it in again.', { status: 410 });
    return found.body;
  }

  async function work(given: SubscriberImport, signal: AbortSignal): Promise<void> {
    let { rowsDone } = given;
    const maxBytes = Math.max(minUnpackedBytes, given.sizeBytes * maxUnpackingFactor);
    const [topics, definitions, file] = await Promise.all([listTopics(), listDefinitions(database), openFile(given)]);
    await importer.importFile(file, {
      ...{ options: given.options, actor: given.actor, topics, definitions, maxBytes, signal, skipRows: rowsDone },
      async onProgress(tx, progress) {
        if (!(await addProgress(tx, given.id, rowsDone, progress))) throw overtaken;
        tx.afterCommit(() => {
          rowsDone += progress.rows;
        });
      },
    });
  }

  return {
    async upload({ fileName, body, options }, actor) {
      const id = clock.newId();
      const storageKey = `imports/${id}`;
      const stored = await storage.put(storageKey, body, { contentType: 'application/octet-stream', maxBytes: maxListBytes });
      if (stored.sizeBytes === 0) {
        await storage.removeMany([storageKey]);
        throw new AppError('invalid_request', 'The list is empty.', { status: 400, fields: [{ path: '/', message: 'is empty' }] });
      }
      return database.transaction(async (tx) => {
        await audit(tx, id, 'created', actor, { fileName });
        await send(tx, id);
        const whole = { ...defaultImportOptions, ...options };
        return insertImport(tx, { id, fileName, storageKey, sizeBytes: stored.sizeBytes, options: whole, actor, createdAt: clock.now() });
      });
    },

    async run(importId, { signal }) {
      const started = await moveImport(database, importId, 'running', clock.now());
      if (started === undefined) return;
      try {
        await work(started, signal);
        await moveImport(database, importId, 'finished', clock.now());
        await onImported();
      } catch (error) {
        // Cancelled; or cancelled and resumed already, and then it is this run that goes on.
        if (error === overtaken) return this.run(importId, { signal });
        // The process stops, or something is down: the queue runs it again.
        if (signal.aborted || !(error instanceof AppError) || error.retryable || error.status >= 500) throw error;
        logger.info({ importId, code: error.code }, 'an import ended with a fault of its file');
        await moveImport(database, importId, 'failed', clock.now(), error.message);
      }
    },

    cancel: (id, actor) =>
      database.transaction(async (tx) => {
        const moved = await moveImport(tx, id, 'cancelled', clock.now(), `cancelled by ${actor}`);
        if (moved !== undefined) {
          await audit(tx, id, 'cancelled', actor);
          return moved;
        }
        const { status } = await getImport(tx, id);
        throw conflict(
          `import_${status}`,
          `The import has ${status === 'finished' ? 'finished' : `ended as ${status}`}: it cannot be cancelled.`,
        );
      }),

    resume: (id, actor) =>
      database.transaction(async (tx) => {
        const reopened = await reopenImport(tx, id);
        if (reopened === undefined) {
          const { status } = await getImport(tx, id);
          throw conflict(`import_${status}`, `The import is ${status}: there is nothing to resume.`);
        }
        await audit(tx, id, 'resumed', actor);
        await send(tx, id);
        return reopened;
      }),

    async tend() {
      // Keyed: where the job stands, nothing is added.
      for (const id of await listOpenImports(database))
        await jobs.send(database, importSubscribersJob, { importId: id }, { singletonKey: id });
      const ended = await listEndedImports(database, new Date(clock.now().getTime() - fileLifeMs), cleanedAtOnce);
      if (ended.length === 0) return;
      await storage.removeMany(ended.map(({ storageKey }) => storageKey));
      await forgetFiles(
        database,
        ended.map(({ id }) => id),
      );
    },

    async importFile(file, options, actor, onRows) {
      const totals = { created: 0, updated: 0, unchanged: 0, faulty: 0 };
      const skipped: Record<string, number> = {};
      const faults: ImportFault[] = [];
      let rows = 0;
      const [topics, definitions] = await Promise.all([listTopics(), listDefinitions(database)]);
      await importer.importFile(file, {
        ...{ options: { ...defaultImportOptions, ...options }, actor, topics, definitions },
        async onProgress(tx, progress) {
          tx.afterCommit(() => {
            const { counts } = progress;
            rows += progress.rows;
            onRows?.(rows);
            for (const name of ['created', 'updated', 'unchanged', 'faulty'] as const) totals[name] += counts[name];
            for (const [reason, count] of Object.entries(counts.skipped)) skipped[reason] = (skipped[reason] ?? 0) + count;
            faults.push(...progress.faults.slice(0, maxShownFaults - faults.length));
          });
        },
      });
      return { ...totals, skipped, faults };
    },
  };
}
