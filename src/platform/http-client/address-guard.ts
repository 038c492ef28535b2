import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { AppError } from '#shared/errors';
import { kindOfAddress } from './address-kind.ts';
import { createHostMatcher, normalizeHostname } from './host-pattern.ts';

export type AddressGuard = {
  /**
   * The addresses that a connection to this host may use. One refused address among them refuses the host: a name that leads
   * both out and in is a trap or a mistake.
   * @throws AppError `address_refused`, `dns_failed`
   */
  resolve(hostname: string, port: number): Promise<readonly LookupAddress[]>;
  /** For a host that is written as an address: why it is refused, or undefined. */
  findRefusal(address: string, port: number): AppError | undefined;
};

// RFC 6761: these names are this machine, and no name server is asked.
const loopback: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
const isLocalhost = (name: string) => name === 'localhost' || name.endsWith('.localhost');

export function createAddressGuard(options: {
  readonly allowedPrivateHosts: readonly string[];
  readonly lookUp: (hostname: string) => Promise<readonly LookupAddress[]>;
}): AddressGuard {
  const isAllowed = createHostMatcher(options.allowedPrivateHosts);

  function refusalOf(name: string, port: number, addresses: readonly LookupAddress[]): AppError | undefined {
    for (const { address } of addresses) {
      const kind = kindOfAddress(address);
      if (kind === 'public' || (kind === 'local' && isAllowed(name, port))) continue;
      // The address itself is not told: who may name a host to fetch need not learn how the inner network is numbered.
      const what = kind === 'local' ? 'a private address' : 'an address that is reserved or not on the internet';
      return new AppError('address_refused', `${name} is not fetched: it leads to ${what}.`, { status: 422 });
    }
    return undefined;
  }

  async function addressesOf(name: string): Promise<readonly LookupAddress[]> {
    const family = isIP(name);
    if (family !== 0) return [{ address: name, family }];
    return isLocalhost(name) ? loopback : options.lookUp(name);
  }

  return {
    findRefusal: (address, port) => refusalOf(normalizeHostname(address), port, [{ address, family: isIP(address) }]),
    async resolve(hostname, port) {
      const name = normalizeHostname(hostname);
      const addresses = await addressesOf(name);
      const refusal = refusalOf(name, port, addresses);
      if (refusal !== undefined) throw refusal;
      return addresses;
    },
  };
}
