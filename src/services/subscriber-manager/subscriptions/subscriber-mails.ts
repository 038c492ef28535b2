import type { TransactionalMail } from '#platform/mail';
import { createTranslate, findPageLanguage, type PageLanguage, type Translate } from '../messages/messages.ts';
import { type Html, html } from '../pages/html.ts';
import type { Subscriber } from '../subscribers/subscriber-types.ts';
import { confirmDays, dataLinkHours, type SubscriberLinks } from './subscriber-links.ts';

export type Site = { readonly baseUrl: string; readonly title: string; readonly tagline: string; readonly language: string };

type Letter = {
  readonly language: PageLanguage;
  readonly subject: string;
  readonly before: string;
  readonly action: string;
  readonly url: string;
  readonly orOpen: string;
  readonly after: string;
};

/** The mails of this service, each in its reader's language. `key` names the message: a second copy is recognised as one. */
export type SubscriberMails = {
  /** Whoever holds a link of this kind has read the mail that went to the address. */
  confirmation(subscriber: Subscriber, now: Date, key: string): TransactionalMail;
  /** Answers a request for an address that is subscribed, so that the page need not say that it is. */
  subscribedAlready(subscriber: Subscriber, key: string): TransactionalMail;
  dataLink(action: 'export' | 'erase', subscriber: Subscriber, now: Date, key: string): TransactionalMail;
};

export function createSubscriberMails(site: Site, links: SubscriberLinks): SubscriberMails {
  const write = (subscriber: Subscriber, key: string, letterOf: (t: Translate) => Omit<Letter, 'language' | 'orOpen'>) => {
    const language = findPageLanguage(subscriber.language, site.language) ?? 'en';
    const t = createTranslate(language);
    return compose(subscriber, key, { ...letterOf(t), language, orOpen: t('mail.orOpen') });
  };
  return {
    confirmation: (subscriber, now, key) =>
      write(subscriber, key, (t) => ({
        subject: t('mail.confirm.subject', { site: site.title }),
        before: t('mail.confirm.before', { site: site.title }),
        action: t('mail.confirm.action'),
        url: links.confirmUrl(subscriber.id, now),
        after: t('mail.confirm.after', { days: confirmDays }),
      })),
    subscribedAlready: (subscriber, key) =>
      write(subscriber, key, (t) => ({
        subject: t('mail.known.subject', { site: site.title }),
        before: t('mail.known.before', { site: site.title }),
        action: t('mail.known.action'),
        url: links.preferencesUrl(subscriber.id),
        after: t('mail.known.after', { url: links.unsubscribeUrl(subscriber.id, null) }),
      })),
    dataLink: (action, subscriber, now, key) =>
      write(subscriber, key, (t) => ({
        subject: t(`mail.${action}.subject`, { site: site.title }),
        before: t(`mail.${action}.before`, { site: site.title }),
        action: t(`mail.${action}.action`),
        url: links.dataUrl(action, subscriber.id, now),
        after: t(`mail.${action}.after`, { hours: dataLinkHours }),
      })),
  };
}

// No text that the form took stands in it, not even the name: a stranger must not be able to write to others through us.
function compose(subscriber: Subscriber, key: string, letter: Letter): TransactionalMail {
  const { subject, before, action, url, after } = letter;
  const text = `${before}\n\n${action}:\n${url}\n\n${after}\n`;
  return { to: { address: subscriber.email }, subject, text, html: layOut(letter).markup, key };
}

function layOut({ language, subject, before, action, url, orOpen, after }: Letter): Html {
  return html`<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${subject}</title></head>
<body style="margin:0;padding:24px;background:#f4f6f5;color:#1c2b26;font:16px/1.5 Georgia,'Times New Roman',serif">
<div style="max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 20px">${before}</p>
<p style="margin:0 0 20px"><a href="${url}" style="display:inline-block;padding:12px 20px;background:#14532d;color:#ffffff;border-radius:6px;text-decoration:none">${action}</a></p>
<p style="margin:0 0 20px;font-size:14px">${orOpen}<br><a href="${url}" style="color:#14532d;word-break:break-all">${url}</a></p>
<p style="margin:0;font-size:14px;overflow-wrap:anywhere">${after}</p>
</div>
</body>
</html>
`;
}
