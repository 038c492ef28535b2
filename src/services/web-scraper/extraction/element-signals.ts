import type { DomElement } from './dom.ts';

const maxNameLength = 500;

/**
 * What the class and id of an element say about it, as words in lower case: `entryShare-box` gives entry, share, box.
 * Names in the manner of utility classes (`md:hidden`, `top-[var(--nav)]`, `overflow-hidden`) say how it looks, not what it is.
 */
export function wordsOf(element: DomElement): readonly string[] {
  const names = `${element.getAttribute('class') ?? ''} ${element.getAttribute('id') ?? ''}`;
  if (names === ' ') return [];
  return names
    .slice(0, maxNameLength)
    .split(/\s+/)
    .filter((name) => !/[:[\]()!/]|overflow|label-hidden|(?:^|-)hid(?:e|den)-/.test(name))
    .flatMap((name) =>
      name
        .replace(/([a-z])([A-Z])/g, '$1 $2')
        .toLowerCase()
        .split(/[^a-z]+/),
    )
    .filter((word) => word !== '');
}

/** Never text of the page, wherever they stand. */
const silentTags = new Set(
  'script style template svg iframe object embed canvas audio video map button select textarea input option datalist dialog nav menu head title link meta'.split(
    ' ',
  ),
);
const silentRoles = /^(?:navigation|banner|contentinfo|search|searchbox|dialog|alertdialog|alert|menu|menubar|menuitem|toolbar|tooltip)$/;

/** Never part of the text, by its tag or its role. */
export function isSilent(element: DomElement): boolean {
  if (silentTags.has(element.localName)) return true;
  const role = element.getAttribute('role');
  return role !== null && silentRoles.test(role);
}
