import { formatDay } from '../messages/messages.ts';
import { type Html, html } from '../pages/html.ts';
import { button, type FieldView, join, maskEmail, type PageView, page, renderField } from '../pages/page-parts.ts';
import type { PageText } from '../pages/page-text.ts';
import type { Subscriber } from '../subscribers/subscriber-types.ts';
import { dataLinkHours } from '../subscriptions/subscriber-links.ts';

export const pauseDays = 30;

export type PreferencePage = {
  readonly subscriber: Subscriber;
  readonly now: Date;
  /** Of the letters, and of the person. */
  readonly letters: readonly FieldView[];
  readonly person: readonly FieldView[];
  readonly isSaved: boolean;
  actionOf(step: string): string;
};

const section = (id: string, title: string, body: Html) =>
  html`<section aria-labelledby="preferences-${id}">
<h2 id="preferences-${id}">${title}</h2>
${body}
</section>`;

export function preferencePage(text: PageText, view: PreferencePage): PageView {
  const { t } = text;
  const { subscriber, letters, person, isSaved, actionOf } = view;
  const email = maskEmail(subscriber.email);
  const isActive = subscriber.status === 'active';
  const faulty = [...letters, ...person].filter(({ fault }) => fault !== undefined).length;
  const notes = [
    html`<p>${isActive ? t('preferences.intro', { email }) : t('preferences.inactive', { email })}</p>`,
    ...(isActive ? [] : [html`<p><a href="${text.to('/subscribe')}">${t('subscribe.link')}</a></p>`]),
    ...(isSaved ? [html`<p class="notice" role="status">${t('preferences.saved')}</p>`] : []),
    ...(faulty === 0 ? [] : [html`<p class="error" role="alert">${t('fault.title', { count: faulty })}</p>`]),
  ];
  return page(
    text,
    t('preferences.title'),
    html`${join(notes)}
<form method="post" action="${actionOf('')}" class="subscription-form">
${section('letters', t('preferences.letters'), join(letters.map(renderField)))}
${section('you', t('preferences.you'), join(person.map(renderField)))}
<button type="submit">${t('preferences.save')}</button>
</form>
${isActive ? join([pauseSection(text, view), section('leave', t('leave.title'), html`<p>${t('leave.text')}</p>\n${button(actionOf('/unsubscribe'), t('leave.button'), 'quiet')}`)]) : html``}
${section(
  'data',
  t('data.title'),
  html`<p>${t('data.text')}</p>
<div class="choices">${button(actionOf('/export'), t('data.export'), 'quiet')}
${button(actionOf('/erase'), t('data.erase'), 'quiet')}</div>`,
)}`,
    { hasSwitch: true },
  );
}

function pauseSection({ t, language }: PageText, { subscriber, now, actionOf }: PreferencePage): Html {
  const { pausedUntil, timezone } = subscriber;
  const body =
    pausedUntil !== null && pausedUntil > now
      ? html`<p>${t('paused.text', { date: formatDay(language, pausedUntil, timezone ?? 'UTC') })}</p>
${button(actionOf('/resume'), t('paused.button'), 'quiet')}`
      : html`<p>${t('pause.text', { days: pauseDays })}</p>\n${button(actionOf('/pause'), t('pause.button'), 'quiet')}`;
  return section('pause', t('pause.title'), body);
}

export function dataMailPage(text: PageText, email: string): PageView {
  const { t } = text;
  return page(text, t('dataMail.title'), html`<p>${t('dataMail.text', { email: maskEmail(email), hours: dataLinkHours })}</p>`);
}

export function dataActionPage(text: PageText, action: 'export' | 'erase', target: string): PageView {
  const { t } = text;
  const form = button(target, t(`${action}.button`));
  return page(text, t(`${action}.title`), html`<p>${t(`${action}.text`)}</p>\n${form}`, { hasSwitch: true });
}

export function exportedPage(text: PageText, downloadUrl: string): PageView {
  const { t } = text;
  return page(
    text,
    t('exported.title'),
    html`<p>${t('exported.text', { hours: dataLinkHours })}</p>
<p><a href="${downloadUrl}" download>${t('exported.download')}</a></p>`,
  );
}

export function erasedPage(text: PageText): PageView {
  return page(text, text.t('erased.title'), html`<p>${text.t('erased.text')}</p>`);
}

export function dataExpiredPage(text: PageText, preferencesUrl: string): PageView {
  const { t } = text;
  return page(
    text,
    t('dataExpired.title'),
    html`<p>${t('dataExpired.text')}</p>
<p><a href="${preferencesUrl}">${t('preferences.title')}</a></p>`,
  );
}
