import ipaddr from 'ipaddr.js';

/**
 * `public`: on the internet. `local`: this machine or its networks, fetched only where it is allowed. `never`: leads to no web
 * site that anybody means (link-local with the clouds' metadata, multicast, reserved) or hides another address in it.
 */
export type AddressKind = 'public' | 'local' | 'never';

// Metadata and host services of clouds that stand outside the link-local range: Azure; Alibaba; AWS; Google.
const cloudServices = new Set(['168.63.129.16', '100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']);

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');
// RFC 6052: the one translation prefix that networks without IPv4 answer with for every IPv4 host.
const wellKnownNat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

export function kindOfAddress(text: string): AddressKind {
  // `isValidFourPartDecimal`: what the operating system would read differently (octal, short forms) is nothing to guess at.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return kindOfIpv4(ipaddr.IPv4.parse(text));
  return ipaddr.IPv6.isValid(text) ? kindOfIpv6(ipaddr.IPv6.parse(text)) : 'never';
}

function kindOfIpv4(address: ipaddr.IPv4): AddressKind {
  if (cloudServices.has(address.toString())) return 'never';
  switch (address.range()) {
    case 'unicast':
      return 'public';
    case 'loopback':
    case 'private':
    case 'carrierGradeNat':
      return 'local';
    default:
      return 'never';
  }
}

function kindOfIpv6(address: ipaddr.IPv6): AddressKind {
  if (cloudServices.has(address.toString())) return 'never';
  if (address.match(wellKnownNat64)) {
    const embedded = new ipaddr.IPv4(address.toByteArray().slice(12));
    return kindOfIpv4(embedded) === 'public' ? 'public' : 'never';
  }
  switch (address.range()) {
    case 'unicast':
      return address.match(globalUnicast) ? 'public' : 'never';
    case 'loopback':
    case 'uniqueLocal':
      return 'local';
    default:
      return 'never';
  }
}
