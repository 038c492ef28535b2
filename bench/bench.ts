/** `npm run bench -- NAME`: runs bench/scenarios/NAME.ts, prints its table and, last, one JSON object. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { formatTable } from '../src/app/table.ts';

export type Bar = { readonly name: string; readonly want: string; readonly got: number; readonly ok: boolean };

export type BenchResult = {
  readonly bench: string;
  readonly ratios: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, number>>;
  readonly bars: readonly Bar[];
};

const folder = path.join(import.meta.dirname, 'scenarios');
const known = readdirSync(folder)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3));
const [name = ''] = process.argv.slice(2);

if (!known.includes(name)) {
  console.error(`${name === '' ? 'No scenario was named' : `"${name}" is no scenario`}; give one of ${known.join(', ')}.`);
  process.exitCode = 2;
} else {
  const scenario: { run(): Promise<BenchResult> } = await import(path.join(folder, `${name}.ts`));
  const result = await scenario.run();
  const rows = [
    ...Object.entries(result.figures).map(([figure, value]) => [figure, String(value), '']),
    ...Object.entries(result.ratios).map(([ratio, value]) => [ratio, String(value), 'ratio']),
    ...result.bars.map((bar) => [bar.name, String(bar.got), `${bar.ok ? 'meets' : 'MISSES'} ${bar.want}`]),
  ];
  console.log(formatTable(['what', 'value', ''], rows));
  console.log(JSON.stringify(result));
}
