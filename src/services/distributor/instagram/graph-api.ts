import type { HttpClient, HttpResponse } from '#platform/http-client';
import { AppError, messageOf } from '#shared/errors';
import type { InstagramAccount } from './instagram-types.ts';

const timeoutMs = 30_000;
const maxAnswerBytes = 1024 * 1024;

/**
 * A call that did not succeed. `transient`: later it may. `limited`: the API's own limits; nothing is wrong with the post.
 * `unauthorised`: the access token. `unknown`: it may have been carried out, and nobody heard the answer.
 */
export class GraphError extends Error {
  readonly kind: 'transient' | 'limited' | 'unauthorised' | 'refused' | 'unknown';

  constructor(kind: GraphError['kind'], message: string) {
    super(message);
    this.name = 'GraphError';
    this.kind = kind;
  }
}

export type ContainerStatus = 'IN_PROGRESS' | 'FINISHED' | 'ERROR' | 'EXPIRED' | 'PUBLISHED';
export type PublishedMedia = { readonly id: string; readonly permalink: string | null; readonly caption: string; readonly timestamp: Date };

export type GraphApi = {
  /** A picture of a carousel (`caption` undefined), or a post of one picture. Returns the container's id. */
  createPicture(picture: { readonly imageUrl: string; readonly altText: string; readonly caption?: string }): Promise<string>;
  createCarousel(carousel: { readonly children: readonly string[]; readonly caption: string }): Promise<string>;
  readContainer(id: string): Promise<{ readonly status: ContainerStatus; readonly detail: string }>;
  /** Returns the id of the post. */
  publish(containerId: string): Promise<string>;
  readMedia(id: string): Promise<PublishedMedia>;
  /** The account's newest posts. */
  listMedia(limit: number): Promise<PublishedMedia[]>;
  readInsights(mediaId: string): Promise<Record<string, number>>;
};

type Answer = { readonly [name: string]: unknown };
type Parameters = Readonly<Record<string, string | undefined>>;

const insightMetrics = ['reach', 'views', 'likes', 'comments', 'saved', 'shares'];

// Graph API error codes: 4, 17, 32, 613 and 80002 are limits of calls, 2207042 one of posts a day; 190, 102 and 10 speak of the token.
const limitCodes = new Set([4, 17, 32, 613, 80_002]);
const tokenCodes = new Set([190, 102, 10]);
const dailyPostsSubcode = 2_207_042;
const transientCodes = new Set([1, 2]);

function faultOf(status: number, answer: Answer): GraphError {
  const error = (typeof answer.error === 'object' && answer.error !== null ? answer.error : {}) as Answer;
  const code = Number(error.code ?? 0);
  const text = typeof error.error_user_msg === 'string' ? error.error_user_msg : String(error.message ?? `HTTP ${status}`);
  const message = `${text} (Graph API ${code || status}${error.error_subcode === undefined ? '' : `/${error.error_subcode}`})`;
  if (status === 429 || limitCodes.has(code) || error.error_subcode === dailyPostsSubcode) return new GraphError('limited', message);
  if (status === 401 || tokenCodes.has(code)) return new GraphError('unauthorised', message);
  if (error.is_transient === true || transientCodes.has(code) || (status >= 500 && error.code === undefined))
    return new GraphError('transient', message);
  return new GraphError('refused', message);
}

function parse({ body, status }: HttpResponse): Answer {
  try {
    const answer: unknown = JSON.parse(body.toString('utf8'));
    return typeof answer === 'object' && answer !== null ? { ...answer } : {};
  } catch (error) {
    if (status >= 400) return {};
    throw new GraphError('unknown', `The Graph API answered with something else than JSON: ${messageOf(error)}`);
  }
}

const mediaOf = (row: Answer): PublishedMedia => ({
  id: String(row.id),
  permalink: typeof row.permalink === 'string' ? row.permalink : null,
  caption: String(row.caption ?? ''),
  // `2026-01-31T12:00:00+0000`, which ISO 8601 has with a colon.
  timestamp: new Date(String(row.timestamp).replace(/([+-]\d\d)(\d\d)$/, '$1:$2')),
});
const rowsOf = (answer: Answer) => (Array.isArray(answer.data) ? (answer.data as Answer[]) : []);

/** Instagram's content publishing over the Graph API. `beforeCall` may refuse a call, for the limit that all processes share. */
export function createGraphApi(options: {
  readonly account: InstagramAccount;
  readonly httpClient: HttpClient;
  readonly beforeCall: () => Promise<void>;
}): GraphApi {
  const { account, httpClient, beforeCall } = options;

  async function call(method: 'GET' | 'POST', path: string, parameters: Parameters): Promise<Answer> {
    await beforeCall();
    const given = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as [string, string]]));
    const form = new URLSearchParams(given).toString();
    const url = `${account.apiUrl}/${path}${method === 'GET' ? `?${form}` : ''}`;
    let response: HttpResponse;
    try {
      response = await httpClient.fetch(url, {
        method,
        // In a header rather than in the address, which stands in logs on the way.
        headers: {
          authorization: `Bearer ${account.accessToken}`,
          ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(method === 'POST' && { body: form }),
        isToService: true,
        retries: 0,
        maxRedirects: 0,
        totalTimeoutMs: timeoutMs,
        maxBytes: maxAnswerBytes,
      });
    } catch (error) {
      const isSafe =
        method === 'GET' ||
        (error instanceof AppError && /^(dns_failed|connect_failed|address_refused|host_unavailable|client_)/.test(error.code));
      throw new GraphError(isSafe ? 'transient' : 'unknown', `The Graph API could not be asked: ${messageOf(error)}`);
    }
    const answer = parse(response);
    if (response.status >= 400) throw faultOf(response.status, answer);
    return answer;
  }

  async function create(parameters: Parameters): Promise<string> {
    const { id } = await call('POST', `${account.accountId}/media`, parameters);
    if (typeof id !== 'string') throw new GraphError('transient', 'The Graph API gave no id for a container.');
    return id;
  }

  return {
    createPicture: ({ imageUrl, altText, caption }) =>
      create({
        image_url: imageUrl,
        alt_text: altText === '' ? undefined : altText,
        ...(caption === undefined ? { is_carousel_item: 'true' } : { caption }),
      }),
    createCarousel: ({ children, caption }) => create({ media_type: 'CAROUSEL', children: children.join(','), caption }),
    async readContainer(id) {
      const answer = await call('GET', id, { fields: 'status_code,status' });
      return { status: String(answer.status_code) as ContainerStatus, detail: String(answer.status ?? '') };
    },
    async publish(containerId) {
      const { id } = await call('POST', `${account.accountId}/media_publish`, { creation_id: containerId });
      if (typeof id !== 'string') throw new GraphError('unknown', 'The Graph API gave no id for a post.');
      return id;
    },
    readMedia: async (id) => mediaOf(await call('GET', id, { fields: 'id,permalink,caption,timestamp' })),
    async listMedia(limit) {
      const answer = await call('GET', `${account.accountId}/media`, { fields: 'id,permalink,caption,timestamp', limit: String(limit) });
      return rowsOf(answer).map(mediaOf);
    },
    async readInsights(mediaId) {
      const answer = await call('GET', `${mediaId}/insights`, { metric: insightMetrics.join(',') });
      const figureOf = ({ values }: Answer) => Number((Array.isArray(values) ? (values[0] as Answer | undefined) : undefined)?.value ?? 0);
      return Object.fromEntries(rowsOf(answer).map((row) => [String(row.name), figureOf(row)]));
    },
  };
}
