import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from './free-port.ts';
import { isListening } from './pgbouncer.ts';
import { findProgram, type Program } from './programs.ts';
import { startProgram } from './server-program.ts';
import { waitFor } from './wait-for.ts';

export const haproxy: Program = { names: ['haproxy', '../sbin/haproxy'], debianPackage: 'haproxy' };

/** HAProxy that deals TCP connections out to these ports in turn, on a free loopback port. Dead ones are passed over. */
export async function startHaproxy(targetPorts: readonly number[]): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const port = await findFreePort();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-haproxy-'));
  const configFile = path.join(folder, 'haproxy.cfg');
  writeFileSync(
    configFile,
    [
      'defaults',
      '  mode tcp',
      '  timeout connect 1s',
      '  timeout client 10m',
      '  timeout server 10m',
      '  option redispatch',
      `listen replicas`,
      `  bind 127.0.0.1:${port}`,
      '  balance roundrobin',
      ...targetPorts.map(
        (target, index) => `  server replica${index + 1} 127.0.0.1:${target} check inter 200ms on-marked-down shutdown-sessions`,
      ),
      '',
    ].join('\n'),
  );
  const program = startProgram(findProgram(haproxy) ?? 'haproxy', ['-db', '-f', configFile]);
  await waitFor(`HAProxy on port ${port}`, () => isListening(port));
  return {
    port,
    async stop() {
      // Asked to stop it waits for the connections that stand.
      await program.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
