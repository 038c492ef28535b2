/**
 * `npm run check`: format and lint, types, the dependency rule, unused code, and that the configuration reference is up to
 * date. All of them run to the end, side by side, so that one run names every fault. `-- --fix` repairs what it can first.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { formatTable } from '../src/app/table.ts';

const root = path.resolve(import.meta.dirname, '..');
const binary = (name: string) => path.join(root, 'node_modules/.bin', process.platform === 'win32' ? `${name}.cmd` : name);

type Check = { readonly name: string; readonly command: string; readonly arguments: readonly string[] };
type Outcome = { readonly name: string; readonly exitCode: number; readonly seconds: number; readonly output: string };

const checks: readonly Check[] = [
  { name: 'format and lint', command: binary('biome'), arguments: ['ci', '--error-on-warnings', '.'] },
  { name: 'types', command: binary('tsc'), arguments: ['-p', '.'] },
  {
    name: 'dependency rule',
    command: binary('depcruise'),
    arguments: ['--config', '.dependency-cruiser.json', 'src', 'tests', 'bench', 'scripts'],
  },
  { name: 'unused code', command: binary('knip'), arguments: [] },
  {
    name: 'configuration reference',
    command: process.execPath,
    arguments: [path.join(root, 'scripts/write-configuration-reference.ts'), '--check'],
  },
];

function run(check: Check): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(check.command, check.arguments, { cwd: root, shell: process.platform === 'win32' });
    let output = '';
    const read = (chunk: Buffer) => void (output += chunk.toString());
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    const end = (exitCode: number) => resolve({ name: check.name, exitCode, seconds: (performance.now() - started) / 1000, output });
    child.on('error', (error) => {
      output += error.message;
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

if (process.argv.includes('--fix')) await run({ name: 'fix', command: binary('biome'), arguments: ['check', '--write', '.'] });
const outcomes = await Promise.all(checks.map(run));
for (const { name, exitCode, output } of outcomes) {
  if (exitCode !== 0) console.error(`\n── ${name} ──\n${output.trimEnd()}`);
}
console.log(
  formatTable(
    ['check', 'result', 'time'],
    outcomes.map(({ name, exitCode, seconds }) => [name, exitCode === 0 ? 'ok' : 'FAILED', `${seconds.toFixed(1)} s`]),
  ),
);
process.exitCode = outcomes.every(({ exitCode }) => exitCode === 0) ? 0 : 1;
