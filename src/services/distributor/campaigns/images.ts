import { createHash } from 'node:crypto';
import { recordAudit } from '#platform/audit';
import { type Database, type Queryable, sql } from '#platform/database';
import type { HttpClient } from '#platform/http-client';
import type { Position } from '#platform/http-server';
import type { Storage } from '#platform/storage';
import type { Clock } from '#shared/clock';
import { AppError, invalid } from '#shared/errors';
import { readImageKind } from './image-kind.ts';

export type NewsletterImage = {
  readonly id: string;
  readonly file: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly width: number;
  readonly height: number;
  readonly name: string;
  readonly createdBy: string;
  readonly createdAt: Date;
};

export const maxImageBytes = 2 * 1024 * 1024;
/** A larger one costs a reader's phone more memory than it has. */
const maxPixels = 40_000_000;
const fetchTimeoutMs = 15_000;

export const imagePath = (file: string): string => `/newsletter-images/${file}`;
export const imageKey = (file: string): string => `newsletter-images/${file}`;

const columns = sql`id, file, content_type as "contentType", size_bytes as "sizeBytes", width, height, name, created_by as "createdBy",
  created_at as "createdAt"`;

export type Images = {
  /** The same content is kept once: given again, the first one is the answer. @throws AppError `invalid_request` | `image_unsupported` */
  add(content: Buffer, name: string, actor: string): Promise<NewsletterImage>;
  /** Fetches the picture once; mails show the copy. @throws AppError as `add`, and what the HTTP client says */
  addFrom(url: string, name: string, actor: string): Promise<NewsletterImage>;
};

export function createImages(dependencies: {
  readonly database: Database;
  readonly storage: Storage;
  readonly httpClient: HttpClient;
  readonly clock: Clock;
}): Images {
  const { database, storage, httpClient, clock } = dependencies;

  async function add(content: Buffer, name: string, actor: string): Promise<NewsletterImage> {
    if (content.length > maxImageBytes) {
      throw new AppError('image_too_large', `A picture has ${maxImageBytes / 1024 / 1024} MiB at most.`, { status: 413 });
    }
    const kind = readImageKind(content);
    if (kind === undefined) {
      throw new AppError('image_unsupported', 'This is no PNG, JPEG or GIF: mail programs show no other pictures everywhere.', {
        status: 415,
      });
    }
    if (kind.width * kind.height > maxPixels) {
      const message = `has ${kind.width} × ${kind.height} pixels; ${maxPixels / 1e6} million are the most`;
      throw invalid(`The picture ${message}.`, [{ path: '/', message }]);
    }
    const sha256 = createHash('sha256').update(content).digest('hex');
    const file = `${sha256.slice(0, 40)}.${kind.extension}`;
    // First the content: no row names what is not there. Put again, it is the same.
    await storage.put(imageKey(file), content, { contentType: kind.contentType, sha256, maxBytes: maxImageBytes });
    const id = clock.newId();
    return database.transaction(async (tx) => {
      const inserted = await tx.maybeOne(
        'newsletter-images.insert',
        sql<NewsletterImage>`insert into newsletter_images (id, sha256, file, content_type, size_bytes, width, height, name, created_by, created_at)
            values (${id}, ${sha256}, ${file}, ${kind.contentType}, ${content.length}, ${kind.width}, ${kind.height}, ${name}, ${actor},
                    ${clock.now()})
            on conflict (sha256) do nothing returning ${columns}`,
      );
      if (inserted === undefined) {
        return tx.one('newsletter-images.find', sql<NewsletterImage>`select ${columns} from newsletter_images where sha256 = ${sha256}`);
      }
      await recordAudit(tx, { id: clock.newId(), at: clock.now(), actor, action: 'image.added', subject: `newsletter-image:${id}` });
      return inserted;
    });
  }

  return {
    add,
    async addFrom(url, name, actor) {
      const { status, body } = await httpClient.fetch(url, { maxBytes: maxImageBytes, totalTimeoutMs: fetchTimeoutMs, retries: 1 });
      if (status !== 200) throw invalid('The picture cannot be fetched.', [{ path: '/url', message: `answers with the status ${status}` }]);
      return add(body, name, actor);
    },
  };
}

/** Newest first; one more than `limit`. */
export function listImages(
  database: Queryable,
  { before, limit }: { readonly before: Position | undefined; readonly limit: number },
): Promise<NewsletterImage[]> {
  const condition =
    before === undefined ? sql`true` : sql`(date_trunc('milliseconds', created_at), id) < (${before.at}::timestamptz, ${before.id}::uuid)`;
  return database.query(
    'newsletter-images.list',
    sql<NewsletterImage>`select ${columns} from newsletter_images where ${condition}
        order by date_trunc('milliseconds', created_at) desc, id desc limit ${limit + 1}`,
  );
}
