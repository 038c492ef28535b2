import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { Program } from './programs.ts';

/** A library for Debian's own Python, with no command to find on the PATH: its folder is looked for, as seen from there. */
export const swift: Program = { names: ['../lib/python3/dist-packages/swift/proxy'], debianPackage: 'python3-swift' };

const python = '/usr/bin/python3';
const script = path.join(import.meta.dirname, 'swift', 'swift-server.py');
const accessKeyId = 'test:tester';
const secretAccessKey = 'testing';
const bucket = 'media';
const region = 'us-east-1';

export type S3Server = {
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** A bucket that is there, and empty at first. */
  readonly bucket: string;
  /** Of AWS's SDK as it comes, to look at what our own did. */
  readonly client: S3Client;
  stop(): Promise<void>;
};

/** OpenStack Swift with its S3 middleware, on a loopback port, with a folder of its own. Both go with this process, however it ends. */
export async function startS3(): Promise<S3Server> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-s3-'));
  const server = spawn(python, ['-I', script, folder, accessKeyId, secretAccessKey], { stdio: ['pipe', 'pipe', 'pipe'] });
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-5000);
  });
  const exited = once(server, 'exit');
  const [line] = await Promise.race([once(createInterface({ input: server.stdout }), 'line'), exited.then(() => [undefined])]);
  if (typeof line !== 'string') {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`Swift did not start:\n${log}`);
  }
  const { port } = JSON.parse(line) as { readonly port: number };
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({
    ...{ endpoint, region, credentials, forcePathStyle: true },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    ...{ endpoint, port, region, credentials, bucket, client },
    async stop() {
      client.destroy();
      server.stdin.end();
      await exited;
    },
  };
}
