import { type Rates, rateWindows } from './mail-rates.ts';
import { parseWarmUp, type WarmUp } from './warm-up.ts';

export const mailProviders = ['ses', 'sendgrid', 'postmark', 'mailgun'] as const;
/** A service that takes our mail over SMTP and tells of its fate by webhooks. */
export type MailProvider = (typeof mailProviders)[number];

/** One mail server of `SMTP_URL`, with what holds for it. */
export type TransportSettings = {
  readonly name: string;
  /** Without our parameters; it holds the password. */
  readonly url: string;
  /** Share of the mails among the transports that could take them. */
  readonly weight: number;
  /** Recipient domains that go this way and no other; with none it takes what no other claims. */
  readonly domains: readonly string[];
  readonly provider: MailProvider | undefined;
  /** SES: the configuration set whose events name our deliveries. */
  readonly configurationSet: string | undefined;
  readonly maxConnections: number | undefined;
  readonly isPipelining: boolean;
  readonly rates: Rates;
  readonly warmUp: WarmUp | undefined;
};

export type ParsedTransports = { readonly transports: readonly TransportSettings[]; readonly faults: readonly string[] };

const maxTransports = 20;
const namePattern = /^[a-z0-9][a-z0-9-]{0,39}$/;
const domainPattern = /^(?:\*\.[a-z0-9-]+(?:\.[a-z0-9-]+)*|[a-z0-9-]+(?:\.[a-z0-9-]+)+)$/;
// An address may hold commas of its own; the next one begins where a scheme does.
const separator = /[\s,]+(?=[a-z][a-z0-9+.-]*:\/\/)/i;
/** Parameters of the SMTP client, which are left in the address. */
const clientParameters = ['requireTLS', 'ignoreTLS', 'localAddress', 'tls.rejectUnauthorized', 'tls.servername'];
const ownParameters = [
  ...['name', 'weight', 'domains', 'provider', 'configuration-set', 'connections', 'pipelining', 'warm-up'],
  ...rateWindows.map(({ parameter }) => parameter),
];

/** What stands wrong about each address of `SMTP_URL`, one line each; passwords are not shown. */
export function parseTransports(text: string): ParsedTransports {
  const faults: string[] = [];
  const parts = text.trim().split(separator).filter(Boolean);
  if (parts.length > maxTransports) faults.push(`SMTP_URL: ${parts.length} addresses were given; at most ${maxTransports} are accepted.`);
  const transports = parts.slice(0, maxTransports).map((part, index) => parseOne(part, index, parts.length, faults));
  const names = transports.map((transport) => transport?.name);
  for (const [index, name] of names.entries()) {
    if (name !== undefined && names.indexOf(name) < index) {
      faults.push(`SMTP_URL: transport ${index + 1} has the name "${name}" of transport ${names.indexOf(name) + 1}; give each its own.`);
    }
  }
  const known = transports.filter((transport) => transport !== undefined);
  if (faults.length === 0 && known.every(({ domains }) => domains.length > 0)) {
    faults.push('SMTP_URL: every transport is for some domains only; leave domains out of one, which takes all others.');
  }
  return { transports: known, faults };
}

function parseOne(part: string, index: number, count: number, faults: string[]): TransportSettings | undefined {
  const position = count === 1 ? 'SMTP_URL:' : `SMTP_URL: transport ${index + 1}:`;
  if (!URL.canParse(part) || /["<>\s]/.test(part)) {
    faults.push(`${position} the value given (not shown) is no address; give smtp://… or smtps://….`);
    return undefined;
  }
  const url = new URL(part);
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') {
    faults.push(`${position} an address with ${url.protocol}// is not accepted; give smtp://… or smtps://….`);
    return undefined;
  }
  if (url.hostname === '') {
    faults.push(`${position} the address names no host.`);
    return undefined;
  }
  const fault = (message: string) => faults.push(`${position} ${url.hostname}: ${message}.`);
  const given = takeParameters(url, fault);
  const read = <T>(parameter: string, accepts: string, parse: (value: string) => T | undefined): T | undefined => {
    const value = given.get(parameter);
    if (value === undefined) return undefined;
    const parsed = parse(value);
    if (parsed === undefined) fault(`${parameter}=${value} is not accepted; give ${accepts}`);
    return parsed;
  };
  const countUpTo = (parameter: string, max: number) =>
    read(parameter, `a whole number from 1 to ${max}`, (value) =>
      /^\d{1,9}$/.test(value) && Number(value) >= 1 && Number(value) <= max ? Number(value) : undefined,
    );
  const provider = read('provider', `one of ${mailProviders.join(', ')}`, (value) => mailProviders.find((known) => known === value));
  const configurationSet = read('configuration-set', 'letters, digits, - and _, at most 64', (value) =>
    /^[\w-]{1,64}$/.test(value) ? value : undefined,
  );
  if (configurationSet !== undefined && provider !== 'ses' && given.get('provider') === undefined) {
    fault('configuration-set is for provider=ses');
  }
  const rates = Object.fromEntries(
    rateWindows.flatMap(({ name, parameter }) => {
      const limit = countUpTo(parameter, 100_000_000);
      return limit === undefined ? [] : [[name, limit]];
    }),
  );
  return {
    name:
      read('name', 'lower-case letters, digits and -, at most 40', (value) => (namePattern.test(value) ? value : undefined)) ??
      (count === 1 ? 'default' : `transport-${index + 1}`),
    url: url.toString(),
    weight: countUpTo('weight', 1000) ?? 1,
    domains:
      read('domains', 'domains such as example.com or *.example.com, comma-separated', (value) => {
        const domains = value
          .toLowerCase()
          .split(/[\s,]+/)
          .filter(Boolean);
        return domains.length > 0 && domains.every((domain) => domainPattern.test(domain)) ? domains : undefined;
      }) ?? [],
    provider,
    configurationSet,
    maxConnections: countUpTo('connections', 200),
    isPipelining: read('pipelining', 'on or off', (value) => ['on', 'off'].find((known) => known === value)) !== 'off',
    rates,
    warmUp: read(
      'warm-up',
      'the first day as YYYY-MM-DD, and after a colon, if wanted, the mails of each day: 2026-12-01:50,100,200',
      parseWarmUp,
    ),
  };
}

const isClientValue = (parameter: string, value: string): boolean =>
  parameter === 'localAddress' || parameter === 'tls.servername' ? value !== '' : value === 'true' || value === 'false';

/** Takes our parameters out of the address: each once, and none that nobody knows. */
function takeParameters(url: URL, fault: (message: string) => void): Map<string, string> {
  const given = new Map<string, string>();
  for (const [parameter, value] of [...url.searchParams]) {
    if (clientParameters.includes(parameter)) {
      if (!isClientValue(parameter, value))
        fault(
          `${parameter}=${value} is not accepted; give ${parameter === 'localAddress' ? 'an address of this machine' : 'true or false'}`,
        );
      continue;
    }
    url.searchParams.delete(parameter);
    if (!ownParameters.includes(parameter))
      fault(`the parameter "${parameter}" is not known; accepted are ${[...ownParameters, ...clientParameters].join(', ')}`);
    else if (given.has(parameter)) fault(`${parameter} is given twice`);
    else given.set(parameter, value.trim());
  }
  return given;
}
