import ipaddr from 'ipaddr.js';

const unknownSubject = 'address:unknown';

/**
 * Whom an address stands for. An IPv6 customer has a /64 at least, and could else be a new caller with every request. What is
 * no address, as a proxy may send, is one caller altogether. Some proxies send the port along.
 */
export function subjectOfAddress(text: string): string {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return `address:${text}`;
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1];
  if (bare !== undefined) return subjectOfAddress(bare);
  if (!ipaddr.IPv6.isValid(text)) return unknownSubject;
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) return `address:${address.toIPv4Address().toString()}`;
  return `address:${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
