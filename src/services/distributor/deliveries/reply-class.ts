/**
 * What a refusal says about whom it is about (RFC 3463, 5248, 7505).
 *
 * - `hard`: the address cannot be reached, now or later; it is suppressed.
 * - `soft`: the mailbox or its host cannot take mail at the moment; often enough in a row, it counts as gone.
 * - `policy`: who sends is not wanted: reputation, authentication, block lists. Nothing against the address.
 * - `content`: what was sent is not wanted: size, kind, spam. Nothing against the address.
 * - `transient`: the servers are busy, slow us down, or cannot reach each other.
 * - `unknown`: refused without a reason that we know.
 */
export type BounceClass = 'hard' | 'soft' | 'policy' | 'content' | 'transient' | 'unknown';

export type ReplyClass = {
  readonly bounceClass: BounceClass;
  /** Whether a later try may succeed, with no fault of the recipient. */
  readonly isTemporary: boolean;
};

// By subject and detail of the enhanced code, whatever its first digit; the more exact entry wins.
const classes: Readonly<Record<string, BounceClass>> = {
  // Addresses.
  '1.1': 'hard', // no such mailbox
  '1.2': 'hard', // no such domain
  '1.3': 'hard', // no address at all
  '1.6': 'hard', // the mailbox has moved
  '1.7': 'policy', // the sender's address
  '1.8': 'policy', // the sender's domain
  '1.10': 'hard', // null MX: the domain takes no mail
  // Mailboxes.
  '2': 'soft',
  '2.1': 'hard', // disabled
  '2.3': 'content', // longer than the mailbox allows
  '2.4': 'policy', // expansion of a mailing list
  // Mail systems.
  '3': 'transient',
  '3.3': 'content', // features that the message needs
  '3.4': 'content', // too big for the system
  // Network and routing.
  '4': 'transient',
  // Content and media.
  '6': 'content',
  // Security and policy.
  '7': 'policy',
};

// A full mailbox is emptied some day, whatever class its server gives it (RFC 3463, X.2.2).
const isMailboxFull = (subject: string, detail: string) => subject === '2' && detail === '2';
// Without an enhanced code, words are all there is; of 550 and 553 these are common for addresses that are not there.
const unknownUser =
  /\b(user|mailbox|recipient|address|account)\b.{0,40}\b(unknown|not found|does(?: not|n['’]t) exist|invalid|no longer|disabled)\b|\b(no such|unknown|invalid) (user|mailbox|recipient|address|account)\b/i;
const fullMailbox = /\b(mailbox|quota|storage)\b.{0,30}\b(full|exceeded|over)\b|\bover ?quota\b/i;
const spamWords = /\b(spam|bulk mail|virus|malware|phish)/i;
const policyWords = /\b(black ?list|block ?list|blocked|reputation|spf|dkim|dmarc|rbl|dnsbl|denied|policy|relay)/i;

/** Reads a refusal by its enhanced code where there is one, else by its reply code and words. */
export function classifyReply(reply: {
  readonly code: number;
  readonly enhancedCode: string | null;
  readonly response: string;
}): ReplyClass {
  const { code, enhancedCode, response } = reply;
  const [digit = '', subject = '', detail = ''] = enhancedCode?.split('.') ?? [];
  if (digit !== '4' && digit !== '5') return classifyByWords(code, response);
  if (isMailboxFull(subject, detail)) return { bounceClass: 'soft', isTemporary: true };
  const found = classes[`${subject}.${detail}`] ?? classes[subject] ?? 'unknown';
  if (digit === '5') return { bounceClass: found, isTemporary: false };
  // For the time being, nothing is known of the address for good, and what the policy is about is our pace (greylisting, throttling).
  return { bounceClass: found === 'hard' ? 'soft' : found === 'policy' ? 'transient' : found, isTemporary: true };
}

function classifyByWords(code: number, response: string): ReplyClass {
  if (code < 500) return { bounceClass: fullMailbox.test(response) ? 'soft' : 'transient', isTemporary: true };
  if (code === 552 || fullMailbox.test(response)) {
    // 552 is said of messages that are too long, and of mailboxes that are full.
    const isFull = fullMailbox.test(response);
    return { bounceClass: isFull ? 'soft' : 'content', isTemporary: isFull };
  }
  if (spamWords.test(response)) return { bounceClass: 'content', isTemporary: false };
  if (policyWords.test(response)) return { bounceClass: 'policy', isTemporary: false };
  if ((code === 550 || code === 551 || code === 553) && unknownUser.test(response)) return { bounceClass: 'hard', isTemporary: false };
  return { bounceClass: 'unknown', isTemporary: false };
}
