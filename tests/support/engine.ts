import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from './free-port.ts';

const root = path.resolve(import.meta.dirname, '../..');
const command = path.join(root, 'bin/aquascene');
const readyLine = 'Ctrl-C stops everything';
const giveUpAfterMs = 180_000;

export type EnginePorts = { readonly http: number; readonly mailbox: number; readonly sampleWeb: number };

export type Workplace = { readonly dataDir: string; readonly ports: EnginePorts; remove(): void };

/** A data folder and ports of its own, for one or more starts of the engine. */
export async function createWorkplace(): Promise<Workplace> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-engine-'));
  // Under root the database server runs as another user, who must be able to pass.
  chmodSync(dataDir, 0o755);
  const ports = { http: await findFreePort(), mailbox: await findFreePort(), sampleWeb: await findFreePort() };
  return { dataDir, ports, remove: () => rmSync(dataDir, { recursive: true, force: true }) };
}

export type Engine = {
  readonly child: ChildProcess;
  readonly baseUrl: string;
  readonly startedAt: number;
  /** All that it printed so far, both streams. */
  output(): string;
  /** Resolves when the closing table is printed; rejects when the engine ends before. */
  ready: Promise<{ seconds: number; apiKey: string | undefined }>;
  exited: Promise<number | null>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<number | null>;
};

function environmentOf(workplace: Workplace, extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { dataDir, ports } = workplace;
  // The machine's own settings must not reach the engine under test.
  const { PATH, HOME, LANG, TMPDIR } = process.env;
  return {
    PATH,
    HOME,
    LANG,
    TMPDIR,
    DATA_DIR: dataDir,
    PORT: String(ports.http),
    MAILBOX_PORT: String(ports.mailbox),
    SAMPLE_WEB_PORT: String(ports.sampleWeb),
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'warn',
    // How busy the machine is decides no test.
    LOAD_SHEDDING_LAG_MS: '60000',
    ...extra,
  };
}

export function startEngine(
  workplace: Workplace,
  extra: Readonly<Record<string, string>> = {},
  words: readonly string[] = ['start'],
): Engine {
  const startedAt = performance.now();
  // A process group of its own, so that a test can kill the whole tree at once.
  const child = spawn(process.execPath, [command, ...words], {
    env: environmentOf(workplace, extra),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = new Promise<{ seconds: number; apiKey: string | undefined }>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The engine did not become ready:\n${output}`)), giveUpAfterMs);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes(readyLine)) return;
      clearTimeout(timer);
      resolve({ seconds: (performance.now() - startedAt) / 1000, apiKey: /\baqs_[\w-]{20,}/.exec(output)?.[0] });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`The engine ended with ${code}:\n${output}`));
    });
  });
  // Whoever does not wait for readiness must not be ended by its failure.
  ready.catch(() => undefined);
  return {
    child,
    baseUrl: `http://localhost:${workplace.ports.http}`,
    startedAt,
    output: () => output,
    ready,
    exited,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

export type CommandResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export function runCommand(
  workplace: Workplace,
  words: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...words], { env: environmentOf(workplace, extra), stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
