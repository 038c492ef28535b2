import { html } from '../pages/html.ts';
import type { FieldView } from '../pages/page-parts.ts';
import { join, renderField } from '../pages/page-parts.ts';
import type { PageText } from '../pages/page-text.ts';
import { maxEmailLength } from '../subscribers/subscriber-fields.ts';
import type { SubscriptionForm } from './form-types.ts';

export const emailField = (text: PageText, value: string, fault?: string): FieldView => ({
  ...{ name: 'email', label: text.t('field.email'), required: true, fault },
  ...({ kind: 'input', type: 'email', value, maxLength: maxEmailLength, autocomplete: 'email' } as const),
});

/** The form as plain HTML for any page: no script, no cookie; it sends its reader to a page of ours or to where the form redirects. */
export function embedForm(form: SubscriptionForm, baseUrl: string, text: PageText, fields: readonly FieldView[]): string {
  return html`<form method="post" action="${baseUrl}/subscribe/${form.slug}" lang="${form.language}">
${join([emailField(text, ''), ...fields].map(renderField))}
<p style="display:none"><label for="subscription-website">${text.t('field.trap')}</label><input id="subscription-website" name="website" tabindex="-1" autocomplete="off"></p>
<p>${form.consentStatement}</p>
<button type="submit">${text.t('form.submit')}</button>
</form>
`.markup;
}
