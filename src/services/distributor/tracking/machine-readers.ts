import { BlockList } from 'node:net';

/**
 * Machines that open mails and follow their links, by what their makers and those who watch them have published. Programs change
 * and addresses move: what a machine does (see click-bursts.ts) tells more than what it calls itself.
 */

/**
 * Apple's Mail Privacy Protection loads the pictures of every mail, read or not, and says no more of itself than this
 * (https://www.apple.com/legal/privacy/data/en/mail-privacy-protection/; the user agent as senders report it, e.g. Word to the Wise, 2021).
 */
export const applePrivacyAgent = 'Mozilla/5.0';

/** Gmail loads pictures ahead when the reader's session is open; by a browser that nobody has any more (SparkPost / Bird, January 2022). */
export const gmailPrefetchAgent = /Chrome\/42\.0\.2311\.135 Safari\/537\.36 Edge\/12\.246/;

/**
 * Proxies that load a picture when the mail is shown: it is a person's open that they hide the person of (Gmail: "Choose whether to
 * show images", support.google.com/mail/answer/145919; Yahoo: help.yahoo.com/kb/SLN28749.html).
 */
export const imageProxyAgent = /GoogleImageProxy|YahooMailProxy/;

/** Security products that name themselves; crawlers and programs in general are isbot's part. */
export const scannerAgent =
  /barracuda|mimecast|proofpoint|urldefense|ironport|cisco ?secure|trend ?micro|\bTMES\b|symantec|messagelabs|forti(?:guard|mail|sandbox)|sophos|bitdefender|kaspersky|\beset\b|zscaler|vade ?(?:secure|retro)|hornetsecurity|safelinks|checkpoint|avanan|ironscales|fireeye|trustwave|google-safety|virustotal|urlscan|phishtank/i;

function rangesOf(...ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', prefix = ''] = range.split('/');
    list.addSubnet(network, Number(prefix), 'ipv4');
  }
  return list;
}

/** Apple's own network (RIPE/ARIN: APPLE-WWNET; support.apple.com/101555). Its partners' relays are shared with people, so they are not here. */
const appleNetwork = rangesOf('17.0.0.0/8');

/**
 * Networks of mail security gateways: readers do not browse from them. Microsoft 365 mail filtering (learn.microsoft.com, "Microsoft 365 URLs
 * and IP address ranges", Exchange Online Protection), Mimecast ("Data Centers and URLs"), Barracuda ("Email Gateway Defense IP Ranges"), Proofpoint
 * ("Connection Details").
 */
const gatewayNetworks = rangesOf(
  ...['40.92.0.0/15', '40.107.0.0/16', '52.100.0.0/14', '104.47.0.0/17'],
  ...['205.139.110.0/24', '205.139.111.0/24', '207.211.31.0/25', '216.205.24.0/24'],
  ...['64.235.144.0/20', '209.222.80.0/21'],
  ...['67.231.144.0/20', '148.163.128.0/19'],
);

/** IPv4, also in the form in which a socket for both families gives it. */
function isIn(list: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '');
  return plain.includes('.') && list.check(plain, 'ipv4');
}

export const isOfApple = (address: string): boolean => isIn(appleNetwork, address);
export const isOfGateway = (address: string): boolean => isIn(gatewayNetworks, address);
