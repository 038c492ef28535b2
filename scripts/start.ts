/** `npm start`: the command, with whatever flags stand behind `--`. */
import { runCommandLine } from '../src/app/command-line.ts';

process.exitCode = await runCommandLine(['start', ...process.argv.slice(2)]);
