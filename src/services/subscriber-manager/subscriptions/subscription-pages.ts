import { type Html, html } from '../pages/html.ts';
import { button, type FieldView, join, maskEmail, type PageView, page, paragraph, renderField, trapField } from '../pages/page-parts.ts';
import type { PageText } from '../pages/page-text.ts';
import { confirmDays } from './subscriber-links.ts';
import { unsubscribeReasons } from './subscription-service.ts';

export type FormPage = {
  readonly action: string;
  readonly title: string;
  readonly intro: string;
  readonly statement: string;
  readonly isAtOnce: boolean;
  readonly fields: readonly FieldView[];
  /** Whether the page can be had in other languages: what a publisher wrote is in one. */
  readonly hasSwitch: boolean;
};

const articlesLink = ({ t }: PageText) => html`<p><a href="/">${t('articles.link')}</a></p>`;
const subscribeLink = ({ t, to }: PageText) => html`<p><a href="${to('/subscribe')}">${t('subscribe.link')}</a></p>`;

/** Texts of several paragraphs, parted by empty lines. */
const paragraphs = (text: string): Html =>
  join(
    text
      .split(/\n\s*\n/)
      .filter((part) => part.trim() !== '')
      .map(paragraph),
  );

export function formPage(text: PageText, form: FormPage): PageView {
  const { t } = text;
  const faulty = form.fields.filter(({ fault }) => fault !== undefined).length;
  const summary = faulty === 0 ? html`` : html`<p class="error" role="alert">${t('fault.title', { count: faulty })}</p>`;
  return page(
    text,
    form.title,
    html`${paragraphs(form.intro)}
${summary}
<form method="post" action="${form.action}" class="subscription-form">
${join(form.fields.map(renderField))}
${trapField(t('field.trap'))}
<p class="statement">${form.statement}</p>
<button type="submit">${t('form.submit')}</button>
</form>
<p class="hint">${form.isAtOnce ? t('form.noteAtOnce') : t('form.note')}</p>`,
    { hasSwitch: form.hasSwitch },
  );
}

/** One page for every address, known or not, so that it tells nothing about whose is known. */
export function requestedPage(text: PageText, again: string): PageView {
  const { t } = text;
  return page(
    text,
    t('requested.title'),
    html`<p>${t('requested.text')}</p>
<p>${t('requested.hint')}</p>
<p><a href="${again}">${t('requested.again')}</a></p>`,
  );
}

/** The same for a form that asks for no confirmation. */
export function receivedPage(text: PageText): PageView {
  return page(text, text.t('received.title'), html`<p>${text.t('received.text')}</p>\n${articlesLink(text)}`);
}

export function confirmPage(text: PageText, action: string, statement: string): PageView {
  const { t } = text;
  return page(
    text,
    t('confirm.title'),
    html`<p>${t('confirm.text')}</p>
<p class="statement">${statement}</p>
${button(action, t('confirm.button'))}`,
    { hasSwitch: true },
  );
}

export function confirmedPage(text: PageText, preferencesUrl: string): PageView {
  const { t } = text;
  return page(
    text,
    t('confirmed.title'),
    html`<p>${t('confirmed.text')}</p>
<p><a href="${preferencesUrl}">${t('preferences.link')}</a></p>
${articlesLink(text)}`,
  );
}

export function expiredPage(text: PageText, renewAction: string): PageView {
  const { t } = text;
  return page(
    text,
    t('expired.title'),
    html`<p>${t('expired.text', { days: confirmDays })}</p>
${button(renewAction, t('expired.button'))}`,
    { hasSwitch: true },
  );
}

export function outdatedPage(text: PageText): PageView {
  return page(text, text.t('outdated.title'), html`<p>${text.t('outdated.text')}</p>\n${subscribeLink(text)}`);
}

export function unsubscribePage(text: PageText, action: string, email: string): PageView {
  const { t } = text;
  const options = [
    { value: '', label: t('reason.none') },
    ...unsubscribeReasons.map((reason) => ({ value: reason, label: t(`reason.${reason}`) })),
  ];
  return page(
    text,
    t('unsubscribe.title'),
    html`<p>${t('unsubscribe.text', { email: maskEmail(email) })}</p>
<form method="post" action="${action}" class="subscription-form">
${renderField({ name: 'reason', label: t('unsubscribe.reason'), kind: 'select', value: '', options })}
<button type="submit">${t('unsubscribe.button')}</button>
</form>`,
    { hasSwitch: true },
  );
}

export function unsubscribedPage(text: PageText, undoAction: string | undefined): PageView {
  const { t } = text;
  const undo =
    undoAction === undefined
      ? html`<p>${t('unsubscribed.again')}</p>\n${subscribeLink(text)}`
      : html`<p>${t('unsubscribed.mistake')}</p>\n${button(undoAction, t('unsubscribed.undo'), 'quiet')}`;
  return page(text, t('unsubscribed.title'), html`<p>${t('unsubscribed.text')}</p>\n${undo}`);
}

export function restoredPage(text: PageText): PageView {
  return page(text, text.t('restored.title'), html`<p>${text.t('restored.text')}</p>\n${articlesLink(text)}`);
}

export function tooLatePage(text: PageText): PageView {
  return page(text, text.t('tooLate.title'), html`<p>${text.t('tooLate.text')}</p>\n${subscribeLink(text)}`);
}

export function unknownLinkPage(text: PageText): PageView {
  return page(text, text.t('unknown.title'), html`<p>${text.t('unknown.text')}</p>`);
}
