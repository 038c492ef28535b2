import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the ranges from which operating systems give ports to outgoing connections: such a port could be taken again before
// the server under test listens on it.
const lowest = 15_000;
const beyond = 32_000;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A loopback port that is free now. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, beyond);
    if (await isFree(port)) return port;
  }
}
