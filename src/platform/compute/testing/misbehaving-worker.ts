import { AppError } from '#shared/errors';

export type Behaviour =
  | 'echo'
  | 'loop'
  | 'backtrack'
  | 'hang'
  | 'hoard'
  | 'hoard-json'
  | 'throw'
  | 'refuse'
  | 'exit'
  | 'uncloneable'
  | 'recurse';

/** What a page from the web can make a worker do. */
export function run({
  behaviour,
  text = '',
  gate,
}: {
  behaviour: Behaviour;
  text?: string;
  gate?: Int32Array<SharedArrayBuffer>;
}): unknown {
  if (gate !== undefined) {
    Atomics.add(gate, 1, 1);
    Atomics.wait(gate, 0, 0);
  }
  switch (behaviour) {
    case 'echo':
      return text;
    case 'loop':
      for (;;);
    case 'backtrack':
      return /^(a+)+$/.test(`${'a'.repeat(60)}b`);
    case 'hang':
      return new Promise(() => undefined);
    case 'hoard': {
      const kept: number[][] = [];
      for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => index * Math.random()));
    }
    case 'hoard-json': {
      const kept: unknown[] = [];
      for (;;) kept.push(JSON.parse(`[${'{"a":[1,2,3]},'.repeat(20_000)}1]`));
    }
    case 'throw':
      throw new TypeError('the page made no sense');
    case 'refuse':
      throw new AppError('page_empty', 'There is no text.', { status: 422, fields: [{ path: '/html', message: 'is empty' }] });
    case 'exit':
      process.exit(3);
      return undefined;
    case 'uncloneable':
      return () => text;
    case 'recurse': {
      const sink = (depth: number): number => sink(depth + 1) + 1;
      return sink(0);
    }
  }
}
