import { Liquid } from 'liquidjs';
import type { MailboxEntry } from './mailbox-store.ts';
import type { ReadableMessage } from './readable-message.ts';

const liquid = new Liquid({ strictVariables: true, strictFilters: true, outputEscape: 'escape' });

const parse = (body: string) =>
  liquid.parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ title }}</title>
<link rel="stylesheet" href="/mailbox/style.css">
</head>
<body>
<header class="bar"><div>
<a class="name" href="/mailbox">Mailbox</a>
<p>Every mail that this installation sends stays here. Nothing leaves the machine.</p>
</div></header>
<main>
${body}
</main>
</body>
</html>
`);

const listPage = parse(`<h1>Mail</h1>
<form class="search" method="get" action="/mailbox" role="search">
<label>Recipient’s address<input type="search" name="q" value="{{ search }}" maxlength="254" autocomplete="off"></label>
<button type="submit">Search</button>
{% if search != '' %}<a class="button plain" href="/mailbox">Show all</a>{% endif %}
</form>
{% if messages.size == 0 %}
<p class="card empty">{% if search == '' %}No mail yet. It appears here as soon as something is sent.{% else %}No mail to an address with “{{ search }}”.{% endif %}</p>
{% else %}
<ol class="messages card">
{% for message in messages %}<li><a href="/mailbox/{{ message.id }}"><span class="to">{{ message.to }}</span><span class="subject">{{ message.subject }}</span><time datetime="{{ message.at }}">{{ message.atShort }}</time></a></li>
{% endfor %}</ol>
{% endif %}
{% if olderUrl or newestUrl %}<nav class="pages" aria-label="Pages">
{% if newestUrl %}<a class="button plain" href="{{ newestUrl }}">Newest</a>{% endif %}
{% if olderUrl %}<a class="button plain" href="{{ olderUrl }}" rel="next">Older</a>{% endif %}
</nav>{% endif %}
<p class="quiet">{{ total }} kept in all. Times are UTC.</p>`);

const messagePage = parse(`<h1>{{ message.subject }}</h1>
<div class="card"><dl class="envelope">
<dt>From</dt><dd>{{ message.from }}</dd>
<dt>To</dt><dd>{{ message.to }}</dd>
<dt>Received</dt><dd><time datetime="{{ at }}">{{ atLong }}</time> · {{ size }}</dd>
{% if message.unsubscribeUrl %}<dt>List-Unsubscribe</dt><dd><a href="{{ message.unsubscribeUrl }}" target="_blank" rel="noopener">{{ message.unsubscribeUrl }}</a></dd>{% endif %}
</dl></div>
<nav class="parts" aria-label="Parts of the message">
{% if message.hasHtml %}<a href="/mailbox/{{ id }}/html" target="_blank" rel="noopener">HTML alone</a>{% endif %}
{% if message.text != '' %}<a href="#text">Text</a>{% endif %}
<a href="#headers">Headers</a>
{% if message.attachments.size > 0 %}<a href="#attachments">Attachments</a>{% endif %}
<a href="/mailbox/{{ id }}/raw">Source</a>
</nav>
{% if message.hasHtml %}<div class="card"><iframe title="The message as its reader sees it" sandbox="allow-popups allow-popups-to-escape-sandbox" src="/mailbox/{{ id }}/html"></iframe></div>{% endif %}
{% if message.text != '' %}<h2 id="text">Text part</h2>
<div class="card"><pre>{{ message.text }}</pre></div>
<p class="quiet"><a href="/mailbox/{{ id }}/text">Text alone</a></p>{% endif %}
{% if message.attachments.size > 0 %}<h2 id="attachments">Attachments</h2>
<div class="card"><table><caption hidden>Attachments</caption><tbody>
{% for attachment in message.attachments %}<tr><th scope="row">{{ attachment.name }}</th><td>{{ attachment.type }}, {{ attachment.size }}</td></tr>
{% endfor %}</tbody></table></div>{% endif %}
<h2 id="headers">Headers</h2>
<div class="card"><table><caption hidden>Headers</caption><tbody>
{% for header in message.headers %}<tr><th scope="row">{{ header.name }}</th><td>{{ header.value }}</td></tr>
{% endfor %}</tbody></table></div>`);

const noticePage = parse('<h1>{{ title }}</h1>\n<p>{{ text }}</p>');

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

const shortTime = (at: Date) => at.toISOString().slice(0, 16).replace('T', ' ');

export function renderListPage(view: {
  readonly messages: readonly MailboxEntry[];
  readonly search: string;
  readonly total: number;
  readonly olderUrl: string | null;
  readonly newestUrl: string | null;
}): string {
  return liquid.renderSync(listPage, {
    ...view,
    title: view.search === '' ? 'Mailbox' : `Mail to ${view.search}`,
    messages: view.messages.map((message) => ({
      id: message.id,
      to: message.envelopeTo,
      subject: message.subject || '(no subject)',
      at: message.receivedAt.toISOString(),
      atShort: shortTime(message.receivedAt),
    })),
  });
}

export function renderMessagePage(entry: MailboxEntry, message: ReadableMessage): string {
  return liquid.renderSync(messagePage, {
    title: message.subject,
    id: entry.id,
    at: entry.receivedAt.toISOString(),
    atLong: `${shortTime(entry.receivedAt)} UTC`,
    size: formatBytes(entry.sizeBytes),
    message: { ...message, attachments: message.attachments.map((item) => ({ ...item, size: formatBytes(item.sizeBytes) })) },
  });
}

export function renderNoticePage(title: string, text: string): string {
  return liquid.renderSync(noticePage, { title, text });
}
