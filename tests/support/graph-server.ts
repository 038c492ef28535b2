import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/**
 * A server that speaks the part of Instagram's Graph API that publishing needs: containers that are fetched for a while, are
 * published once at most, and can be asked what became of them.
 */
export type GraphServer = {
  readonly url: string;
  readonly host: string;
  readonly accountId: string;
  readonly token: string;
  readonly published: readonly { id: string; caption: string; children: readonly string[] }[];
  readonly calls: readonly string[];
  /**
   * Answers the next call whose method and path match with this instead. `drop`: carried out, and the connection cut. `hang`:
   * neither carried out nor answered until `carryOut`.
   */
  failNext(match: RegExp, answer: Failure): void;
  /** Calls that hang. */
  hanging(): number;
  /** Carries out what hangs, and answers whoever still listens. */
  carryOut(): void;
  /** Polls that find a container still in progress. */
  setPollsUntilReady(polls: number): void;
  close(): Promise<void>;
};

type Failure = { readonly status: number; readonly body: object } | 'drop' | 'hang';
type Container = { caption: string; children: string[]; imageUrl: string; polls: number; isPublished: boolean };

const accountId = '17841400000000001';
const token = 'token-of-the-tests';

export async function startGraphServer(): Promise<GraphServer> {
  const containers = new Map<string, Container>();
  const published: { id: string; caption: string; children: string[]; at: Date }[] = [];
  const calls: string[] = [];
  const failures: { match: RegExp; answer: Failure }[] = [];
  let hanging: (() => void)[] = [];
  let pollsUntilReady = 1;
  let lastId = 100;
  const newId = () => String(++lastId);
  const fault = (code: number, message: string, status = 400) => ({ status, body: { error: { code, message, type: 'OAuthException' } } });

  function create(parameters: URLSearchParams) {
    const children = parameters.get('children')?.split(',') ?? [];
    const imageUrl = parameters.get('image_url') ?? '';
    if (imageUrl === '' && children.length < 2) return fault(100, 'The parameter image_url is required.');
    if (children.some((id) => !containers.has(id))) return fault(100, 'A child does not exist.');
    const id = newId();
    containers.set(id, { caption: parameters.get('caption') ?? '', children, imageUrl, polls: 0, isPublished: false });
    return { status: 200, body: { id } };
  }

  function publish(parameters: URLSearchParams) {
    const container = containers.get(parameters.get('creation_id') ?? '');
    if (container === undefined) return fault(100, 'The container does not exist.');
    if (container.isPublished) return fault(9007, 'The media has been published already.');
    if (container.polls < pollsUntilReady) return fault(9007, 'The media is not ready for publishing.');
    container.isPublished = true;
    const id = newId();
    published.push({ id, caption: container.caption, children: container.children, at: new Date() });
    return { status: 200, body: { id } };
  }

  const mediaView = ({ id, caption, at }: { id: string; caption: string; at: Date }) => ({
    ...{ id, caption, permalink: `https://www.instagram.com/p/${id}/` },
    timestamp: at.toISOString().replace(/\.\d+Z$/, '+0000'),
  });

  function read(path: string) {
    const [id = '', edge] = path.split('/');
    if (id === accountId && edge === 'media') return { status: 200, body: { data: [...published].reverse().map(mediaView) } };
    if (edge === 'insights') {
      const values = { reach: 120, views: 300, likes: 12, comments: 3, saved: 5, shares: 1 };
      return {
        status: 200,
        body: { data: Object.entries(values).map(([name, value]) => ({ name, period: 'lifetime', values: [{ value }] })) },
      };
    }
    const container = containers.get(id);
    if (container !== undefined) {
      container.polls += 1;
      const code = container.isPublished ? 'PUBLISHED' : container.polls >= pollsUntilReady ? 'FINISHED' : 'IN_PROGRESS';
      return { status: 200, body: { id, status_code: code, status: code } };
    }
    const media = published.find((post) => post.id === id);
    return media === undefined ? fault(100, 'Unsupported get request.') : { status: 200, body: mediaView(media) };
  }

  function answerTo(request: IncomingMessage, path: string, parameters: URLSearchParams) {
    if (request.headers.authorization !== `Bearer ${token}`) return fault(190, 'Invalid OAuth access token.', 401);
    if (request.method === 'GET') return read(path);
    return path === `${accountId}/media_publish` ? publish(parameters) : create(parameters);
  }

  function handle(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url ?? '/', 'http://graph');
    const path = url.pathname.replace(/^\/v\d+\.\d+\//, '');
    calls.push(`${request.method} ${path}`);
    const failing = failures.findIndex(({ match }) => match.test(`${request.method} ${path}`));
    const failure = failing === -1 ? undefined : failures.splice(failing, 1)[0]?.answer;
    const carryOut = () => answerTo(request, path, request.method === 'GET' ? url.searchParams : new URLSearchParams(body));
    const send = (answer: { readonly status: number; readonly body: object }) =>
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    if (failure === 'hang') hanging.push(() => send(carryOut()));
    else if (failure === 'drop') {
      carryOut();
      request.socket.destroy();
    } else send(failure ?? carryOut());
  }

  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => handle(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return {
    ...{ host, accountId, token, published, calls, url: `http://${host}/v24.0` },
    failNext: (match, answer) => failures.push({ match, answer }),
    hanging: () => hanging.length,
    carryOut() {
      for (const go of hanging) go();
      hanging = [];
    },
    setPollsUntilReady: (polls) => {
      pollsUntilReady = polls;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
