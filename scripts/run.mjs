// Runs a script of ours on the Node that package.json pins, installing the packages first when they are missing or older
// than the lockfile. No dependencies: it is what runs before anything is installed, on any Node from 20 on.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [script, ...scriptArguments] = process.argv.slice(2);
const pinnedNode = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');

// npm writes this file at the end of an install: what it lists is what is there.
const installedLock = path.join(root, 'node_modules', '.package-lock.json');

function needsInstall() {
  if (!existsSync(installedLock) || !existsSync(pinnedNode)) return true;
  const lockfile = path.join(root, 'package-lock.json');
  if (statSync(installedLock).mtimeMs >= statSync(lockfile).mtimeMs) return false;
  // A checkout touches the lockfile without changing it: what counts is whether the versions differ.
  const wanted = JSON.parse(readFileSync(lockfile, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages;
  return Object.entries(wanted).some(([name, entry]) => name !== '' && !entry.optional && installed[name]?.version !== entry.version);
}

if (needsInstall()) {
  console.log('Installing packages (npm ci) …');
  const started = Date.now();
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error('npm ci failed; nothing was started. Its messages above say why.');
    process.exit(1);
  }
  console.log(`Packages installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
}

const child = spawn(pinnedNode, [path.join(root, script), ...scriptArguments], {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
// At Ctrl-C the terminal signals the child as well; this process only waits for it to stop cleanly.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGHUP', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
