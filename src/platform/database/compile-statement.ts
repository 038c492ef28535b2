import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder } from 'kysely';

const compiler = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export type CompiledStatement = { readonly text: string; readonly values: unknown[] };

/** The statement as the driver takes it: `$1`, `$2` … in the text, the parameters beside it. */
export function compileStatement(statement: RawBuilder<unknown>): CompiledStatement {
  const { sql, parameters } = statement.compile(compiler);
  return { text: sql, values: [...parameters] };
}
