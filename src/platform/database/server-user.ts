import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { AppError } from '#shared/errors';

export type ServerUser = { readonly name: string; readonly uid: number; readonly gid: number };

const ownUserName = 'aquascene';

function findUser(name: string): ServerUser | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name && Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/**
 * PostgreSQL refuses to run as root. Under root: the system user `aquascene`, made when it is missing, else `postgres` or
 * `nobody`. Undefined for everyone else: the server runs as whoever started the engine.
 */
export function pickServerUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const known = findUser(ownUserName);
  if (known !== undefined) return known;
  for (const command of ['useradd', 'adduser']) {
    const options = command === 'useradd' ? ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin'] : ['-S', '-D', '-H'];
    spawnSync(command, [...options, ownUserName], { stdio: 'ignore' });
    const made = findUser(ownUserName);
    if (made !== undefined) return made;
  }
  const fallback = findUser('postgres') ?? findUser('nobody');
  if (fallback === undefined) {
    throw new AppError(
      'no_server_user',
      'PostgreSQL cannot run as root, and no system user could be made for it. Start the engine as an ordinary user, or set DATABASE_URL.',
    );
  }
  return fallback;
}

/** True when this user may enter the folder (or run the file): every folder above it must let the user pass. */
export function canReach(user: ServerUser, target: string): boolean {
  return spawnSync('test', ['-x', target], { uid: user.uid, gid: user.gid, cwd: '/', stdio: 'ignore' }).status === 0;
}
