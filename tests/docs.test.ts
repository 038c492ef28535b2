import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { commandDefinitions } from '../src/app/command-line.ts';

const root = path.resolve(import.meta.dirname, '..');
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })];
const scripts: Record<string, string> = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).scripts;
const definitions = await commandDefinitions();

/** The lines of all fenced shell blocks. */
function shellLines(text: string): string[] {
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => (block ?? '').split('\n')).map((line) => line.trim());
}

for (const page of pages) {
  const text = readFileSync(path.join(root, page), 'utf8');
  describe(page, () => {
    test('its links lead to files that are there', () => {
      for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        assert.ok(existsSync(path.join(root, path.dirname(page), target)), target);
      }
    });

    test('its commands exist, with the flags that it gives them', () => {
      for (const line of shellLines(text)) {
        const [, script, rest = ''] = /^npm (?:run )?([\w-]+)(.*)$/.exec(line) ?? [];
        if (script !== undefined) assert.ok(scripts[script], line);
        const words =
          /(?:^|npm run )aquascene (?:-- )?(.+)$/.exec(line)?.[1] ?? (script === 'start' ? `start${rest.replace(' --', '')}` : '');
        if (words === '') continue;
        const [name = '', ...others] = words.split(/\s+/);
        const definition = definitions.find((candidate) => candidate.name === name);
        assert.ok(definition, line);
        for (const flag of others.filter((word) => word.startsWith('--'))) {
          assert.ok(definition.flags.includes(flag.split('=')[0] ?? ''), `${flag} in: ${line}`);
        }
      }
    });
  });
}
