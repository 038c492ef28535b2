import { createTranslate, pageLanguages } from '../messages/messages.ts';
import { type Html, html } from './html.ts';
import type { PageText } from './page-text.ts';

/** `html` is trusted markup; the layout around it is the site's. */
export type PageView = { readonly title: string; readonly html: string };

export const join = (parts: readonly Html[]): Html => ({ markup: parts.map(({ markup }) => markup).join('\n') });

type PageOptions = {
  /** Where the page stands by GET in every language; without it no other language is offered. */
  readonly hasSwitch?: boolean;
  /** Instead of the page's own: what a publisher wrote. */
  readonly language?: string;
};

export function page({ language, t }: PageText, title: string, body: Html, options: PageOptions = {}): PageView {
  const others = pageLanguages.filter((each) => each !== language);
  const links = others.map(
    (each) => html`<li><a href="?lang=${each}" hreflang="${each}" lang="${each}">${createTranslate(each)('language.name')}</a></li>`,
  );
  const nav = html`<nav class="subscription-languages" aria-label="${t('language.switch')}"><ul>${join(links)}</ul></nav>`;
  return {
    title,
    // The layout around it is in the language of the site.
    html: html`<div class="subscription" lang="${options.language ?? language}">
<h1>${title}</h1>
${body}
${options.hasSwitch === true ? nav : html``}
</div>`.markup,
  };
}

/** `a…@example.org`: enough for its owner to know it by, too little for whoever was handed the mail. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email][0] ?? ''}…${email.slice(at)}`;
}

export const button = (action: string, label: string, className = '') =>
  className === ''
    ? html`<form method="post" action="${action}"><button type="submit">${label}</button></form>`
    : html`<form method="post" action="${action}"><button type="submit" class="${className}">${label}</button></form>`;

export const paragraph = (text: string) => html`<p>${text}</p>`;

type Option = { readonly value: string; readonly label: string; readonly lang?: string };

export type FieldView = {
  readonly name: string;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
  readonly required?: boolean;
} & (
  | {
      readonly kind: 'input';
      readonly type: 'text' | 'email' | 'number' | 'date';
      readonly value: string;
      readonly maxLength?: number;
      readonly autocomplete?: string;
    }
  | { readonly kind: 'select'; readonly value: string; readonly options: readonly Option[] }
  | { readonly kind: 'checks'; readonly values: readonly string[]; readonly options: readonly Option[] }
);

const idOf = (name: string) => `subscription-${name.replaceAll(/[^\w-]/g, '-')}`;

/** A labelled field with its hint and its fault, which programs that read pages aloud find by the field. */
export function renderField(field: FieldView): Html {
  const id = idOf(field.name);
  const notes = [...(field.hint === undefined ? [] : [`${id}-hint`]), ...(field.fault === undefined ? [] : [`${id}-fault`])];
  const described = notes.length === 0 ? html`` : html` aria-describedby="${notes.join(' ')}"`;
  const marks = html`${field.required === true ? html` required` : html``}${field.fault === undefined ? html`` : html` aria-invalid="true"`}${described}`;
  const hint = field.hint === undefined ? html`` : html`<p class="hint" id="${id}-hint">${field.hint}</p>\n`;
  const fault = field.fault === undefined ? html`` : html`<p class="error" id="${id}-fault">${field.fault}</p>\n`;
  if (field.kind === 'checks') {
    return html`<fieldset${described}><legend>${field.label}</legend>
${hint}${fault}<div class="checks">
${join(field.options.map((option, index) => renderCheck(field.name, `${id}-${index}`, option, field.values.includes(option.value))))}
</div></fieldset>`;
  }
  const control = field.kind === 'select' ? renderSelect(id, field, marks) : renderInput(id, field, marks);
  return html`<div class="field"><label for="${id}">${field.label}</label>
${hint}${control}
${fault}</div>`;
}

function renderInput(id: string, field: FieldView & { readonly kind: 'input' }, marks: Html): Html {
  const { name, type, value, maxLength, autocomplete } = field;
  const limits = html`${type === 'number' ? html` step="any"` : html``}${maxLength === undefined ? html`` : html` maxlength="${maxLength}"`}`;
  const filling = autocomplete === undefined ? html`` : html` autocomplete="${autocomplete}"`;
  return html`<input id="${id}" name="${name}" type="${type}" value="${value}"${limits}${filling}${marks}>`;
}

function renderSelect(id: string, field: FieldView & { readonly kind: 'select' }, marks: Html): Html {
  const options = field.options.map(({ value, label, lang }) => {
    const words = lang === undefined ? html`` : html` lang="${lang}"`;
    return html`<option value="${value}"${words}${value === field.value ? html` selected` : html``}>${label}</option>`;
  });
  return html`<select id="${id}" name="${field.name}"${marks}>\n${join(options)}\n</select>`;
}

function renderCheck(name: string, id: string, { value, label, lang }: Option, isChecked: boolean): Html {
  const words = lang === undefined ? html`` : html` lang="${lang}"`;
  return html`<div class="check"><input id="${id}" name="${name}" type="checkbox" value="${value}"${isChecked ? html` checked` : html``}><label for="${id}"${words}>${label}</label></div>`;
}

/** Programs that fill every field fill this one, which people do not see. */
export const trapField = (label: string, id = 'subscription-website') =>
  html`<p hidden><label for="${id}">${label}</label><input id="${id}" name="website" tabindex="-1" autocomplete="off"></p>`;
