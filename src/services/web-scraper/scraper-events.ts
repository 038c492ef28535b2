/** Carries { rawContentId, url, language }. In the transaction of the text's row. */
export const pageGathered = 'page.gathered';
