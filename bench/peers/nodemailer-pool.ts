/** `node nodemailer-pool.ts PORT KEY_FILE COUNT`: sends so many personalised mails by a nodemailer pool that signs them; prints mails a second. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createTransport } from 'nodemailer';
import { campaignContent, fillContent, linkCount } from '../support/campaign-content.ts';

const [port = '', keyFile = '', count = ''] = process.argv.slice(2);
const connections = 10;
const { subject, html, text } = campaignContent();
const transport = createTransport({
  host: '127.0.0.1',
  port: Number(port),
  pool: true,
  maxConnections: connections,
  maxMessages: 500,
  dkim: { domainName: 'news.localhost', keySelector: 'bench', privateKey: readFileSync(keyFile, 'utf8') },
});

let next = 0;
async function sendSome(): Promise<void> {
  while (next < Number(count)) {
    next += 1;
    const token = () => `http://news.localhost:8000/t/c/${randomUUID().replaceAll('-', '')}${randomUUID().replaceAll('-', '')}`;
    const values = {
      name: `Reader ${next}`,
      unsubscribe_url: `http://news.localhost:8000/unsubscribe/${randomUUID()}`,
      preferences_url: `http://news.localhost:8000/preferences/${randomUUID()}`,
      open_url: `${token()}.gif`,
      ...Object.fromEntries(Array.from({ length: linkCount }, (_, link) => [`links[${link}]`, token()])),
    };
    await transport.sendMail({
      from: { name: 'Newsroom', address: 'news@news.localhost' },
      to: { name: `Reader ${next}`, address: `reader${next}@example.org` },
      subject,
      html: fillContent(html, values),
      text: fillContent(text, values),
      headers: {
        'List-Unsubscribe': `<${values.unsubscribe_url}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        'List-Id': '<newsletter.news.localhost>',
        Precedence: 'bulk',
        'Feedback-ID': 'issue:news.localhost:newsletter:aquascene',
      },
    });
  }
}

const started = performance.now();
await Promise.all(Array.from({ length: connections * 2 }, sendSome));
process.stdout.write(`${Number(count) / ((performance.now() - started) / 1000)}\n`);
transport.close();
