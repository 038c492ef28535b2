import { isDeepStrictEqual } from 'node:util';
import type { RawBuilder } from 'kysely';
import { AppError } from '#shared/errors';
import type { Queryable } from '../database.ts';

export type KeysetOptions<R extends object, K> = {
  /** Rows a page; 1000 unless told. */
  readonly rowsPerPage?: number;
  /**
   * The rows after this key (from the first one when undefined), at most `limit`, sorted by the key, which must be unique:
   * `where ($after is null or id > $after) order by id limit $limit`.
   */
  readonly toStatement: (after: K | undefined, limit: number) => RawBuilder<R>;
  readonly keyOf: (row: R) => K;
  readonly signal?: AbortSignal;
};

const defaultRowsPerPage = 1000;

/**
 * The rows of a sorted list, a page at a time, each by a statement of its own: no transaction and no connection is held while
 * a page is worked on, however long that takes. What changes meanwhile behind the key is seen, what changes before it is not.
 *
 * @throws AppError `keyset_stuck` when a page ends with the key that it began after; whatever the statement throws
 */
export async function* readByKeyset<R extends object, K>(
  database: Pick<Queryable, 'query'>,
  name: string,
  { rowsPerPage = defaultRowsPerPage, toStatement, keyOf, signal }: KeysetOptions<R, K>,
): AsyncGenerator<R[], void, undefined> {
  let after: K | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const rows = await database.query(name, toStatement(after, rowsPerPage));
    const last = rows.at(-1);
    if (last === undefined) return;
    const key = keyOf(last);
    // It would go round for ever: the statement does not sort by this key, or does not begin after it.
    if (after !== undefined && isDeepStrictEqual(key, after)) {
      throw new AppError('keyset_stuck', `The pages of ${name} do not advance.`);
    }
    after = key;
    yield rows;
    if (rows.length < rowsPerPage) return;
  }
}
