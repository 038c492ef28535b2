/** Writes docs/configuration.md from the table of variables; with --check it only says whether the file is up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeAccepted } from '../src/app/config.ts';
import { type Variable, variables } from '../src/app/variables.ts';

const file = path.resolve(import.meta.dirname, '../docs/configuration.md');

export function renderConfigurationReference(): string {
  const rows = Object.entries(variables).map(([name, variable]: [string, Variable]) => {
    const fallback = variable.default === '' ? '—' : `\`${variable.default}\``;
    const flag = variable.flag === undefined ? '' : `<br>\`${variable.flag}\``;
    const secret = variable.isSecret ? ' Secret: never printed or logged.' : '';
    return `| \`${name}\`${flag} | ${variable.description}${secret} | ${describeAccepted(variable)} | ${fallback} |`;
  });
  return [
    '# Configuration',
    '',
    'Every setting is an environment variable; some have a flag of `aquascene start` as well, which wins. Nothing has to be set.',
    'A value that is not accepted stops the start with exit code 2: every fault is named at once, and nothing was started.',
    '`aquascene doctor` prints the effective values, secrets masked, and checks what they point to.',
    '',
    'This page is generated: `node scripts/write-configuration-reference.ts`.',
    '',
    '| variable | what it does | accepts | default |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (import.meta.main) {
  const text = renderConfigurationReference();
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/configuration.md is not up to date: run node scripts/write-configuration-reference.ts');
    process.exitCode = 1;
  }
}
