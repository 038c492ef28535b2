import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from './free-port.ts';
import { isListening } from './pgbouncer.ts';
import { findProgram, type Program } from './programs.ts';
import { startProgram } from './server-program.ts';
import { waitFor } from './wait-for.ts';

export const dovecot: Program = { names: ['dovecot', '../sbin/dovecot'], debianPackage: 'dovecot-imapd' };
export const dovecotPop3: Program = {
  names: ['../lib/dovecot/pop3', '../../lib/dovecot/pop3', '../../usr/lib/dovecot/pop3'],
  debianPackage: 'dovecot-pop3d',
};

export type Dovecot = {
  readonly imapPort: number;
  readonly pop3Port: number;
  readonly user: string;
  readonly password: string;
  /** Puts a mail into the inbox. */
  deliver(raw: Buffer): void;
  stop(): Promise<void>;
};

const password = 'the mailbox password';

/** A mailbox behind IMAP and POP3 on free loopback ports, without TLS. */
export async function startDovecot(): Promise<Dovecot> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-dovecot-'));
  const [imapPort, pop3Port] = [await findFreePort(), await findFreePort()];
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? 'nobody' : os.userInfo().username;
  const group = isRoot ? 'nogroup' : String(os.userInfo().gid);
  const mail = path.join(folder, 'mail');
  for (const part of ['', 'cur', 'new', 'tmp']) mkdirSync(path.join(mail, part), { recursive: true });
  for (const part of [folder, mail, path.join(mail, 'cur'), path.join(mail, 'new'), path.join(mail, 'tmp')]) chmodSync(part, 0o777);
  const configFile = path.join(folder, 'dovecot.conf');
  writeFileSync(
    configFile,
    `
base_dir = ${folder}/run
log_path = ${folder}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:${mail}
${isRoot ? '' : `default_internal_user = ${owner}\ndefault_login_user = ${owner}\ndefault_internal_group = ${group}`}
passdb {
  driver = static
  args = password=${password.replaceAll(' ', '_')}
}
userdb {
  driver = static
  args = uid=${owner} gid=${group} home=${folder}
}
service imap-login {
  ${isRoot ? '' : 'chroot ='}
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  ${isRoot ? '' : 'chroot ='}
  inet_listener pop3 {
    port = ${pop3Port}
  }
  inet_listener pop3s {
    port = 0
  }
}
${isRoot ? '' : 'service anvil {\n  chroot =\n}'}
`,
  );
  const program = startProgram(findProgram(dovecot) ?? 'dovecot', ['-F', '-c', configFile]);
  await waitFor(`Dovecot on port ${imapPort}`, async () => (await isListening(imapPort)) && (await isListening(pop3Port)));
  let delivered = 0;
  return {
    ...{ imapPort, pop3Port, user: 'bounces', password: password.replaceAll(' ', '_') },
    deliver(raw) {
      delivered += 1;
      const file = path.join(mail, 'new', `${Date.now()}.${delivered}.test`);
      writeFileSync(file, raw);
      chmodSync(file, 0o666);
    },
    async stop() {
      await program.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
