import type { OutgoingMail } from './mail-transport.ts';

// C0 controls but the tab, and DEL: a line break here would begin a header of somebody else's choice.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this looks for
const forbidden = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Why the message's headers must not be written, or undefined. */
export function findHeaderFault(message: OutgoingMail): string | undefined {
  const values: readonly (readonly [string, string])[] = [
    ['from', `${message.from.name ?? ''}${message.from.address}`],
    ['to', `${message.to.name ?? ''}${message.to.address}`],
    ['subject', message.subject],
    ['message-id', message.messageId],
    ...Object.entries(message.headers),
  ];
  for (const [name, value] of values) {
    if (forbidden.test(name) || forbidden.test(value)) return `the header ${JSON.stringify(name)} holds a control character`;
  }
  return undefined;
}
