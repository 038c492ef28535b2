import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

// The tool passes in silence over files that it cannot parse or imports that it cannot follow. So the rule is broken on
// purpose, once a way, and the real tree is checked for being seen in full.

const root = path.resolve(import.meta.dirname, '..');

type Cruise = {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly { readonly resolved: string }[] }[];
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[];
  };
};

function cruise(folder: string, ...targets: readonly string[]): Cruise {
  const result = spawnSync(
    process.execPath,
    [
      path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
      '--config',
      '.dependency-cruiser.json',
      '--output-type',
      'json',
      ...targets,
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  );
  assert.notEqual(result.stdout, '', result.stderr);
  return JSON.parse(result.stdout);
}

/** Files of a house in small, by path; the violations that the rule finds in it. */
function violationsOf(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'dependency-rule-'));
  try {
    for (const name of ['.dependency-cruiser.json', 'package.json', 'tsconfig.json'])
      cpSync(path.join(root, name), path.join(folder, name));
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return [...new Set(cruise(folder, 'src').summary.violations.map(({ rule }) => rule.name))].sort();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const house = {
  'src/shared/clock.ts': 'export const now = () => new Date();\n',
  'src/platform/cache/index.ts': "export { size } from './cache.ts';\n",
  'src/platform/cache/cache.ts': "import { now } from '#shared/clock';\nexport const size = now().getTime();\nexport type Size = number;\n",
  'src/services/analytics/index.ts': "import { size } from '#platform/cache';\nexport const report = size;\n",
  'src/app/context.ts': "import { report } from '#services/analytics';\nexport const context = { report };\n",
};

test('a house in order has no violation', () => {
  assert.deepEqual(violationsOf(house), []);
});

const breaches: readonly (readonly [what: string, file: string, text: string, rule: string])[] = [
  [
    'shared code that uses the platform',
    'src/shared/text.ts',
    "import { size } from '#platform/cache';\nexport const x = size;\n",
    'shared-is-lowest',
  ],
  [
    'a platform that uses a service',
    'src/platform/jobs/index.ts',
    "import { report } from '#services/analytics';\nexport const x = report;\n",
    'platform-knows-no-service',
  ],
  [
    'a service that uses the app',
    'src/services/distributor/index.ts',
    "import { context } from '#app/context';\nexport const x = context;\n",
    'services-know-no-app',
  ],
  [
    'a type taken from above',
    'src/platform/jobs/index.ts',
    "import type { report } from '#services/analytics';\nexport type X = typeof report;\n",
    'platform-knows-no-service',
  ],
  ['an import that is made at run time', 'src/shared/text.ts', "export const x = () => import('#platform/cache');\n", 'shared-is-lowest'],
  [
    'a service that reaches past an index',
    'src/services/distributor/index.ts',
    "import { size } from '../../platform/cache/cache.ts';\nexport const x = size;\n",
    'only-the-public-face',
  ],
  [
    'an app that reaches past an index',
    'src/app/roles.ts',
    "import { size } from '../platform/cache/cache.ts';\nexport const x = size;\n",
    'app-uses-the-public-face',
  ],
  [
    'a package that is there for development only',
    'src/shared/text.ts',
    "import { chromium } from 'playwright-core';\nexport const x = chromium;\n",
    'no-development-packages-in-the-product',
  ],
  ['an import of what is not there', 'src/shared/text.ts', "import { y } from './missing.ts';\nexport const x = y;\n", 'resolvable'],
];

for (const [what, file, text, rule] of breaches) {
  test(`${what} is caught`, () => {
    assert.deepEqual(violationsOf({ ...house, [file]: text }), [rule]);
  });
}

test('a cycle is caught', () => {
  const files = {
    ...house,
    'src/shared/one.ts': "import { two } from './two.ts';\nexport const one = () => two;\n",
    'src/shared/two.ts': "import { one } from './one.ts';\nexport const two = () => one;\n",
  };
  assert.deepEqual(violationsOf(files), ['no-cycles']);
});

test('the tool sees every file of the real house, and follows its aliases', () => {
  const { modules } = cruise(root, 'src');
  const seen = new Set(modules.map(({ source }) => source));
  const files = globSync('src/**/*.ts', { cwd: root }).map((file) => file.split(path.sep).join('/'));
  assert.deepEqual(
    files.filter((file) => !seen.has(file)),
    [],
  );
  const platform = modules.find(({ source }) => source === 'src/app/platform.ts');
  const followed = new Set(platform?.dependencies.map(({ resolved }) => resolved));
  for (const target of ['src/platform/database/index.ts', 'src/services/ai-processor/index.ts', 'src/shared/clock.ts']) {
    assert.ok(followed.has(target), `${target} is not followed`);
  }
});
