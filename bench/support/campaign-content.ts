/** What the mails of the delivery bench are made of: 12 KB of HTML and 2 KB of text, personalised in a few places, every link its reader's own. */
export const linkCount = 14;

const sentences = [
  'Light, nutrients and carbon dioxide are in balance when plants grow and algae do not.',
  'A change shows after two or three weeks, so only one thing is changed at a time.',
  'Half of the water every week takes out what the plants have not used — no more than that.',
  'Stem plants are cut a hand below the surface and grow two shoots where they had one.',
];

const htmlBytes = 12 * 1024;
const textBytes = 2 * 1024;

/** In the Liquid that is filled in for each recipient. */
export function campaignContent(): { subject: string; html: string; text: string } {
  const htmlBlock = (link: number) =>
    `<tr><td style="padding:16px 24px;font-family:Georgia,serif;font-size:16px;line-height:24px;color:#223322">
<h2 style="margin:0 0 8px;font-size:20px">What a planted tank needs, part ${link + 1}</h2>
<p>${sentences.join(' ')}</p>\n<p><a href="{{ links[${link}] }}" style="color:#0a6b4f">Read on</a></p></td></tr>\n`;
  const textBlock = (link: number) => `What a planted tank needs, part ${link + 1}\n{{ links[${link}] }}\n\n`;
  const blocks = (write: (link: number) => string) => Array.from({ length: linkCount }, (_, link) => write(link)).join('');
  const htmlHead =
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Newsroom</title></head>\n<body>\n<table role="presentation" width="100%">\n<tr><td>Dear {{ name }},</td></tr>\n';
  const htmlTail =
    '</table>\n<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> · <a href="{{ preferences_url }}">Preferences</a></p>\n<img src="{{ open_url }}" width="1" height="1" alt="">\n</body></html>\n';
  const html = `${htmlHead}${blocks(htmlBlock)}`;
  const text = `Dear {{ name }},\n\n${blocks(textBlock)}`;
  return {
    subject: 'What a planted tank needs this week',
    html: `${pad(html, htmlBytes - htmlTail.length, (words) => `<p>${words}</p>\n`)}${htmlTail}`,
    text: `${pad(text, textBytes, (words) => `${words}\n`)}\nUnsubscribe: {{ unsubscribe_url }}\n`,
  };
}

function pad(source: string, bytes: number, write: (words: string) => string): string {
  let padded = source;
  for (let index = 0; Buffer.byteLength(padded) < bytes; index += 1) padded += write(sentences[index % sentences.length] ?? '');
  return padded;
}

/** The same for one recipient, by plain replacement: for a sender that composes every mail anew. */
export function fillContent(source: string, values: Readonly<Record<string, string>>): string {
  return source.replace(/\{\{ ([a-z_]+|links\[\d+\]) \}\}/g, (_, name: string) => values[name] ?? '');
}
