import type { TransactionalMail } from '#platform/mail';
import type { Subscriber } from '../subscribers/subscriber-types.ts';
import { type Html, html } from './html.ts';

export type Site = { readonly baseUrl: string; readonly title: string; readonly tagline: string; readonly language: string };

type Letter = {
  readonly subject: string;
  readonly before: string;
  readonly action: string;
  readonly url: string;
  readonly after: string;
};

/** Whoever holds a link of this kind has read the mail that went to the address. */
export function confirmationMail(site: Site, subscriber: Subscriber, confirmUrl: string, key: string): TransactionalMail {
  return compose(subscriber, key, {
    subject: `Please confirm your subscription to ${site.title}`,
    before: `Somebody, we hope you, asked for the newsletter of ${site.title} to be sent to this address. It comes only after you have confirmed it.`,
    action: 'Confirm the subscription',
    url: confirmUrl,
    after: 'If it was not you, do nothing: without the confirmation no newsletter is sent.',
  });
}

/** Answers a request for an address that is subscribed, so that the page need not say that it is. */
export function subscribedAlreadyMail(site: Site, subscriber: Subscriber, unsubscribeUrl: string, key: string): TransactionalMail {
  return compose(subscriber, key, {
    subject: `You are subscribed to ${site.title} already`,
    before: `Somebody asked for the newsletter of ${site.title} to be sent to this address. It is: there is nothing to confirm.`,
    action: 'Unsubscribe',
    url: unsubscribeUrl,
    after: 'Use the link only if you want no more newsletters.',
  });
}

// No text that the form took stands in it, not even the name: a stranger must not be able to write to others through us.
function compose(subscriber: Subscriber, key: string, letter: Letter): TransactionalMail {
  const { subject, before, action, url, after } = letter;
  const text = `${before}\n\n${action}:\n${url}\n\n${after}\n`;
  return { to: { address: subscriber.email }, subject, text, html: layOut(letter).markup, key };
}

function layOut({ subject, before, action, url, after }: Letter): Html {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${subject}</title></head>
<body style="margin:0;padding:24px;background:#f4f6f5;color:#1c2b26;font:16px/1.5 Georgia,'Times New Roman',serif">
<div style="max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 20px">${before}</p>
<p style="margin:0 0 20px"><a href="${url}" style="display:inline-block;padding:12px 20px;background:#14532d;color:#ffffff;border-radius:6px;text-decoration:none">${action}</a></p>
<p style="margin:0 0 20px;font-size:14px">Or open this address:<br><a href="${url}" style="color:#14532d;word-break:break-all">${url}</a></p>
<p style="margin:0;font-size:14px">${after}</p>
</div>
</body>
</html>
`;
}
