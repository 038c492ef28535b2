import { createHash } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';

export type S3ClientOptions = {
  /** Of MinIO, Ceph, Swift and their like; AWS's own by region when undefined. */
  readonly endpoint?: string;
  readonly region: string;
  /** Undefined: as AWS's SDK finds them (environment, profile, role of the machine or the pod). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** `https://host/bucket/key` instead of `https://bucket.host/key`. */
  readonly isPathStyle: boolean;
  readonly connectTimeoutMs?: number;
  /** From a request's start to the head of its answer, the sending of one part (8 MB) included. */
  readonly requestTimeoutMs?: number;
  /** Without a byte moving either way. */
  readonly silenceTimeoutMs?: number;
  readonly maxAttempts?: number;
  readonly maxConnections?: number;
};

/** A client that reaches AWS and those who speak its protocol in the form of some years ago. */
export function createS3Client(options: S3ClientOptions): S3Client {
  const { endpoint, region, credentials, isPathStyle, maxAttempts = 3, maxConnections = 50 } = options;
  const agent = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: 10 };
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
    forcePathStyle: isPathStyle,
    maxAttempts,
    // Over plain HTTP the signature covers the content, over HTTPS TLS does. Trailers with CRC32, the SDK's default, are refused
    // by Swift and by older MinIO and Ceph.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: options.connectTimeoutMs ?? 5000,
      requestTimeout: options.requestTimeoutMs ?? 60_000,
      // Without it the SDK only warns.
      throwOnRequestTimeout: true,
      socketTimeout: options.silenceTimeoutMs ?? 30_000,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  addContentMd5(client);
  return client;
}

/** The protocol has always asked for it where many are removed at once; the SDK sends a CRC32 instead, which the same servers do not know. */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const request = args.request as { readonly body?: unknown; readonly headers: Record<string, string> };
      if (context.commandName === 'DeleteObjectsCommand' && typeof request.body === 'string') {
        request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
      }
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'contentMd5' },
  );
}

export function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
