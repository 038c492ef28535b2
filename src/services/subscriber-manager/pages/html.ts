import { escapeMarkup } from '#shared/markup';

/** Markup that was escaped where it had to be. Made by `html` only. */
export type Html = { readonly markup: string };

/** A template whose texts are escaped, for element content and quoted attributes; nested `html` goes in as it is. */
export function html(parts: TemplateStringsArray, ...values: readonly (string | number | Html)[]): Html {
  const markup = parts.reduce((before, part, index) => {
    const value = values[index - 1] ?? '';
    return `${before}${typeof value === 'object' ? value.markup : escapeMarkup(String(value))}${part}`;
  });
  return { markup };
}
