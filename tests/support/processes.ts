import { execFileSync } from 'node:child_process';

export type ProcessEntry = { readonly pid: number; readonly parent: number; readonly command: string };

export function listProcesses(): ProcessEntry[] {
  const text = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command: command ?? '' }];
  });
}

export function listDescendants(rootPid: number): ProcessEntry[] {
  const all = listProcesses();
  const known = new Set([rootPid]);
  for (let grew = true; grew; ) {
    const before = known.size;
    for (const { pid, parent } of all) if (known.has(parent)) known.add(pid);
    grew = known.size > before;
  }
  return all.filter(({ pid }) => known.has(pid) && pid !== rootPid);
}

/** The engine's process with this role, e.g. `api`; the worker is found by any of its roles. */
export function findRoleProcess(enginePid: number, role: string): ProcessEntry {
  const found = listDescendants(enginePid).find(({ command }) => new RegExp(`--role (\\S*,)?${role}(,|\\s)`).test(command));
  if (found === undefined) throw new Error(`no process with the role ${role} runs`);
  return found;
}

/** The server itself, not the backends that it forked. */
export function findPostmaster(dataDir: string): ProcessEntry | undefined {
  return listProcesses().find(({ command }) => /postgres -D/.test(command) && command.includes(dataDir));
}
