import type { FieldFault } from '#shared/errors';
import { maxEmailLength, maxNameLength } from '../subscribers/subscriber-fields.ts';
import { type Html, html } from './html.ts';

/** `html` is trusted markup; the layout around it is the site's. */
export type PageView = { readonly title: string; readonly html: string };

export type FormValues = { readonly email: string; readonly name: string };

const page = (title: string, body: Html): PageView => ({
  title,
  // The pages are in English whatever the language of the site is.
  html: html`<div class="subscription" lang="en">
<h1>${title}</h1>
${body}
</div>`.markup,
});

/** `a…@example.org`: enough for its owner to know it by, too little for whoever was handed the mail. */
function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email][0] ?? ''}…${email.slice(at)}`;
}

const button = (action: string, label: string) =>
  html`<form method="post" action="${action}"><button type="submit">${label}</button></form>`;

export function formPage(values: FormValues, faults: readonly FieldFault[] = []): PageView {
  const faultOf = (path: string) => faults.find((fault) => fault.path === path)?.message;
  const field = (name: keyof FormValues, label: string, attributes: Html) => {
    const fault = faultOf(`/${name}`);
    const note = fault === undefined ? html`` : html`<p class="error" id="${name}-fault" role="alert">${label} ${fault}.</p>`;
    const marks = fault === undefined ? html`` : html` aria-invalid="true" aria-describedby="${name}-fault"`;
    return html`<p><label for="subscription-${name}">${label}</label>
<input id="subscription-${name}" name="${name}" value="${values[name]}" ${attributes}${marks}></p>
${note}`;
  };
  return page(
    'Subscribe to the newsletter',
    html`<form method="post" action="/subscribe" class="subscription-form">
${field('email', 'E-mail address', html`type="email" autocomplete="email" required maxlength="${maxEmailLength}"`)}
${field('name', 'Name (optional)', html`type="text" autocomplete="name" maxlength="${maxNameLength}"`)}
<p hidden><label for="subscription-website">Leave this empty</label><input id="subscription-website" name="website" tabindex="-1" autocomplete="off"></p>
<button type="submit">Subscribe</button>
</form>
<p>You will get a mail with a link to confirm. You can unsubscribe at any time.</p>`,
  );
}

/** One page for every address, known or not, so that it tells nothing about whose is known. */
export function requestedPage(): PageView {
  return page(
    'Check your mail',
    html`<p>If mail can be sent to this address, a message with the next step is on its way. The newsletter comes only after you have confirmed it.</p>
<p>Nothing there after a few minutes? Look into the spam folder, or <a href="/subscribe">ask again</a>.</p>`,
  );
}

export function confirmPage(action: string): PageView {
  return page(
    'Confirm the subscription',
    html`<p>One step is left: press the button, and the newsletter comes to your address.</p>
${button(action, 'Confirm the subscription')}`,
  );
}

export function confirmedPage(): PageView {
  return page('You are subscribed', html`<p>Thank you. The next newsletter comes to you.</p>\n<p><a href="/">To the articles</a></p>`);
}

export function outdatedPage(): PageView {
  return page(
    'This link is out of date',
    html`<p>The address was unsubscribed after this link was sent. <a href="/subscribe">Subscribe again</a> to get a new one.</p>`,
  );
}

export function unsubscribePage(action: string, email: string): PageView {
  return page(
    'Unsubscribe',
    html`<p>Press the button, and no more newsletters are sent to ${maskEmail(email)}.</p>
${button(action, 'Unsubscribe')}`,
  );
}

export function unsubscribedPage(undoAction: string | undefined): PageView {
  const undo =
    undoAction === undefined
      ? html`<p>You can <a href="/subscribe">subscribe again</a> at any time.</p>`
      : html`<p>Was it a mistake?</p>\n${button(undoAction, 'Undo: keep me subscribed')}`;
  return page('You are unsubscribed', html`<p>No more newsletters are sent to you.</p>\n${undo}`);
}

export function restoredPage(): PageView {
  return page('You are subscribed again', html`<p>Everything is as it was before.</p>\n<p><a href="/">To the articles</a></p>`);
}

export function tooLatePage(): PageView {
  return page(
    'This can no longer be undone',
    html`<p>An unsubscription can be taken back for an hour. <a href="/subscribe">Subscribe again</a> instead.</p>`,
  );
}

export function unknownLinkPage(): PageView {
  return page(
    'This link is not valid',
    html`<p>It may have been cut off in the mail: open it there again, or copy all of it. It may also belong to somebody who is no longer with us.</p>`,
  );
}
