import { Type } from 'typebox';
import { PageOf } from '#platform/http-server';
import { closed, nullable, Uuid } from '#shared/schema';
import { importStatuses, type SubscriberImport } from './import-job-store.ts';
import { importColumns, importFormats, importModes } from './import-types.ts';
import { encodings } from './text-encoding.ts';

const time = Type.String({ format: 'date-time' });

export const ImportQuery = Type.Object(
  {
    format: Type.Optional(Type.Enum([...importFormats], { description: 'Told by Content-Type unless given.' })),
    mode: Type.Optional(
      Type.Enum([...importModes], {
        description:
          'Of addresses that are known: update takes over what the list says, skip leaves them, overwrite replaces every column of the list.',
      }),
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'Reads and counts everything, and writes nothing.' })),
    delimiter: Type.Optional(Type.Enum([',', ';', '|', '\t'], { description: 'What parts the fields of CSV; a comma unless told.' })),
    encoding: Type.Optional(Type.Enum([...encodings], { description: 'UTF-8 unless told.' })),
    mapping: Type.Optional(
      Type.String({
        maxLength: 8000,
        description: `JSON object from the file's names of columns to ${importColumns.join(', ')}, custom:<name>, or null to leave a column out. Names that are not in it stand for themselves.`,
      }),
    ),
    tags: Type.Optional(Type.String({ maxLength: 500, description: 'Given to everybody on the list; parted by semicolons.' })),
    allowDisposable: Type.Optional(Type.Boolean({ description: 'Takes addresses of disposable mail services.' })),
    source: Type.Optional(Type.String({ pattern: '^[\\w .:@/-]{1,100}$', description: 'Where the list comes from.' })),
    fileName: Type.Optional(Type.String({ maxLength: 200 })),
  },
  closed,
);

export const ImportView = Type.Object({
  id: Uuid,
  status: Type.Enum([...importStatuses]),
  statusReason: nullable(Type.String()),
  fileName: Type.String(),
  sizeBytes: Type.Integer(),
  dryRun: Type.Boolean(),
  mode: Type.Enum([...importModes]),
  rowsDone: Type.Integer({ description: 'Rows of the file that are done, faulty ones included.' }),
  created: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  skipped: Type.Record(Type.String(), Type.Integer(), {
    description: 'Not to be written to, by reason: unsubscribed, bounced, complained, suppressed; known where the mode is skip.',
  }),
  faulty: Type.Integer({ description: 'Rows with a fault; they changed nothing.' }),
  actor: Type.String(),
  createdAt: time,
  startedAt: nullable(time),
  finishedAt: nullable(time),
});
export const ImportPage = PageOf(ImportView);

export function importView({ storageKey: _key, options, ...given }: SubscriberImport) {
  return {
    ...given,
    mode: options.mode,
    dryRun: options.isDryRun,
    skipped: { ...given.skipped },
    createdAt: given.createdAt.toISOString(),
    startedAt: given.startedAt?.toISOString() ?? null,
    finishedAt: given.finishedAt?.toISOString() ?? null,
  };
}
