import { createServer } from 'node:net';
import type { Config } from './config.ts';

type Port = { readonly port: number; readonly host: string; readonly what: string; readonly flag: string; readonly variable: string };

function portsOf(config: Config): Port[] {
  return [
    { port: config.http.port, host: config.http.host, what: 'the site and the API', flag: '--port', variable: 'PORT' },
    ...(config.mail.isMailbox
      ? [{ port: config.mail.mailboxPort, host: '127.0.0.1', what: 'the mailbox', flag: '--mailbox-port', variable: 'MAILBOX_PORT' }]
      : []),
    ...(config.sample.isOn
      ? [{ port: config.sample.webPort, host: '127.0.0.1', what: 'the sample web', flag: '--sample-web-port', variable: 'SAMPLE_WEB_PORT' }]
      : []),
  ];
}

function tryToListen(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

function explain({ port, host, what, flag, variable }: Port, code: string): string {
  const remedy = `give another with ${flag} or ${variable}`;
  if (code === 'EADDRINUSE') return `Port ${port} for ${what} is in use by another program; ${remedy}.`;
  if (code === 'EACCES') return `Port ${port} for ${what} may not be opened by this user; ${remedy}, 1024 or higher.`;
  return `Port ${port} on ${host} for ${what} cannot be opened (${code}); ${remedy}.`;
}

/** One sentence for each port that cannot be had. */
export async function findPortFaults(config: Config): Promise<string[]> {
  const faults: string[] = [];
  for (const port of portsOf(config)) {
    const code = await tryToListen(port.port, port.host);
    if (code !== undefined) faults.push(explain(port, code));
  }
  return faults;
}
