/** `npm start`: the command, with whatever flags stand behind `--`. */
import { enableCompileCache } from 'node:module';
import path from 'node:path';

enableCompileCache(path.resolve(import.meta.dirname, '../node_modules/.cache/aquascene'));
const { runCommandLine } = await import('../src/app/command-line.ts');
process.exitCode = await runCommandLine(['start', ...process.argv.slice(2)]);
