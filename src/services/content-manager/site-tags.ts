// Under which the answers of the site are kept. Who changes what is published names those that show it.

/** Of every answer that shows articles: one that is changed or withdrawn may stand in any of them, as a related one. */
export const siteTag = 'site';
/** Of lists, which every publication changes. */
export const listsTag = 'lists';
export const articleTag = (slug: string): string => `article:${slug}`;
