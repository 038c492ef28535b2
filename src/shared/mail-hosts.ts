// Domains that one operator's servers take mail for, under one set of limits. The MX records would tell of every domain that
// is hosted there; they are not asked: a look-up for each of a million readers' domains, for limits that mostly bite here.
const domainsOf: Readonly<Record<string, readonly string[]>> = {
  'gmail.com': ['googlemail.com'],
  'outlook.com': [
    'hotmail.com',
    'live.com',
    'msn.com',
    'outlook.de',
    'outlook.fr',
    'hotmail.co.uk',
    'hotmail.de',
    'hotmail.fr',
    'hotmail.it',
    'hotmail.es',
    'live.co.uk',
    'live.nl',
    'live.fr',
  ],
  'yahoo.com': [
    'aol.com',
    'ymail.com',
    'rocketmail.com',
    'aim.com',
    'yahoo.co.uk',
    'yahoo.fr',
    'yahoo.de',
    'yahoo.it',
    'yahoo.es',
    'yahoo.ca',
    'yahoo.co.in',
    'yahoo.com.br',
  ],
  'icloud.com': ['me.com', 'mac.com'],
  'gmx.net': ['gmx.de', 'gmx.at', 'gmx.ch', 'gmx.com', 'web.de', 'mail.com'],
  'proton.me': ['protonmail.com', 'protonmail.ch', 'pm.me'],
  'mail.ru': ['bk.ru', 'inbox.ru', 'list.ru', 'internet.ru'],
  'yandex.ru': ['yandex.com', 'ya.ru'],
  'zoho.com': ['zohomail.com', 'zoho.eu'],
  'fastmail.com': ['fastmail.fm'],
};

const hostOfDomain = new Map(Object.entries(domainsOf).flatMap(([host, domains]) => domains.map((domain) => [domain, host] as const)));

/** The mail host that takes a domain's mail, as far as limits go: the domain itself where nothing else is known. */
export function mailHostOf(domain: string): string {
  const name = domain.toLowerCase().replace(/\.$/, '');
  return hostOfDomain.get(name) ?? name;
}

/** Domain of an address; empty when it has none. */
export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1).toLowerCase();

export const isKnownMailHost = (host: string): boolean => Object.hasOwn(domainsOf, host);
