import { Resolver } from 'node:dns/promises';
import { sql } from '#platform/database';
import { parseMailbox } from '#platform/mail';
import { AppError } from '#shared/errors';
import type { DistributorDependencies, Issue, IssueContent } from '../../distributor-types.ts';
import { untrackedReader } from '../../rendering/preview-reader.ts';
import { createTrackingTokens } from '../../tracking-token.ts';
import type { CompileContent } from '../compile-content.ts';
import { checkContent } from './check-content.ts';
import { checkLinks } from './check-links.ts';
import { checkSender, type TxtResolver } from './check-sender.ts';
import { type Finding, joinReports, type PreflightReport } from './findings.ts';

export type PreflightDependencies = Pick<
  DistributorDependencies,
  'database' | 'httpClient' | 'site' | 'secret' | 'mailFrom' | 'subscribers' | 'postalAddress' | 'isMailbox' | 'dkimKeys'
> & {
  readonly compile: CompileContent;
  readonly resolver?: TxtResolver;
};

/** `content`: compiled already. The report says everything that was found, not only the first fault. */
export type RunPreflight = (
  issue: Issue,
  options?: { readonly content?: IssueContent; readonly signal?: AbortSignal },
) => Promise<PreflightReport>;

const dnsTimeoutMs = 3000;
const sampleSubscriber = '00000000-0000-7000-8000-000000000000';

/** Looks a campaign over as it would leave now. It changes nothing, and may run any number of times. */
export function createPreflight(dependencies: PreflightDependencies): RunPreflight {
  const { httpClient, site, mailFrom, postalAddress, compile, isMailbox = false, dkimKeys = [] } = dependencies;
  const resolver = dependencies.resolver ?? new Resolver({ timeout: dnsTimeoutMs, tries: 1 });
  const domain = parseMailbox(mailFrom).address.split('@')[1] ?? 'localhost';

  async function checkMail(
    issue: Issue,
    given: IssueContent | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Partial<PreflightReport>> {
    let content: IssueContent;
    try {
      content = given ?? (await compile(issue));
    } catch (error) {
      return { blocking: [findingOf(error)] };
    }
    const { report, images } = checkContent({
      content,
      mailFrom,
      ownBaseUrl: site.baseUrl,
      reader: longestReader(dependencies, issue, content),
    });
    const links = await checkLinks([...content.links.map(({ url }) => url), ...images], {
      httpClient,
      ownBaseUrl: site.baseUrl,
      ...(signal !== undefined && { signal }),
    });
    return joinReports([report, links]);
  }

  return async (issue, { content, signal } = {}) =>
    joinReports([
      ...(await Promise.all([
        checkMail(issue, content, signal),
        checkSender({ domain, isMailbox, dkimKeys, resolver }),
        checkAudience(dependencies, issue),
      ])),
      { notes: postalAddress === '' ? ['The mail names no postal address: many countries ask for one (POSTAL_ADDRESS).'] : [] },
    ]);
}

/** What of a failure is the campaign's own fault; anything else is thrown on. */
function findingOf(error: unknown): Finding {
  if (!(error instanceof AppError) || error.retryable) throw error;
  const { message } = error;
  if (error.code === 'nothing_to_send') {
    return { code: 'nothing_to_send', message, where: 'articles', howToMend: 'Choose published articles, or write a text.' };
  }
  if (error.code === 'compute_timed_out' || error.code === 'compute_out_of_memory') {
    return { code: 'template_endless', message, where: 'template', howToMend: 'Look for a loop that never ends.' };
  }
  if (error.code !== 'template_faulty') throw error;
  const where = message.split(': ', 1)[0] ?? 'template';
  if (message.includes('unsubscribe_url')) {
    return { code: 'unsubscribe_missing', message, where, howToMend: 'Put a link to {{ unsubscribe_url }} where every reader sees it.' };
  }
  if (message.includes('undefined variable')) {
    return {
      code: 'variable_missing',
      message,
      where,
      howToMend: 'Correct the name, give the variable a value, or a default: {{ variables.x | default: "…" }}.',
    };
  }
  return { code: 'template_faulty', message, where, howToMend: 'Correct the template at the line that is named.' };
}

function longestReader({ secret, site, subscribers }: PreflightDependencies, issue: Issue, content: IssueContent) {
  const reader = untrackedReader(null, issue, content, '');
  const addresses = {
    unsubscribeUrl: subscribers.unsubscribeUrl(sampleSubscriber, issue.id),
    preferencesUrl: subscribers.preferencesUrl(sampleSubscriber),
    segments: issue.blocks.flatMap(({ segmentIds }) => segmentIds),
  };
  if (issue.tracking === 'off') return { ...reader, ...addresses };
  const tokens = createTrackingTokens(secret).sign({ issueId: issue.id, subscriberId: sampleSubscriber, variant: 0 }, content.links.length);
  return {
    ...reader,
    ...addresses,
    openUrl: `${site.baseUrl}/t/o/${tokens.open}.gif`,
    honeypotUrl: `${site.baseUrl}/t/c/${tokens.honeypot}`,
    links: content.links.map((_, link) => `${site.baseUrl}/t/c/${tokens.click(link)}`),
  };
}

async function checkAudience({ database, subscribers }: PreflightDependencies, issue: Issue): Promise<Partial<PreflightReport>> {
  // Whom a resend or a step of a sequence goes to is known when it starts.
  if (issue.resendOf !== null || issue.kind === 'sequence_step' || issue.startedAt !== null) return {};
  const found = await database.transaction((tx) =>
    subscribers.enqueueAudience(tx, {
      segmentId: issue.segmentId,
      topics: issue.topics,
      insertFrom: (audience) => sql`select 1 from (${audience}) as audience limit 1`,
    }),
  );
  if (found > 0) return {};
  const finding = {
    code: 'no_audience',
    message: 'Nobody would get this mail.',
    where: 'audience',
    howToMend: 'Choose another segment or other topics, or wait for subscribers.',
  };
  return { blocking: [finding] };
}
