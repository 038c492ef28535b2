import type { FastifyRequest } from 'fastify';
import {
  createTranslate,
  findPageLanguage,
  type PageLanguage,
  pageLanguages,
  readAcceptLanguage,
  type Translate,
} from '../messages/messages.ts';

/** In which language a page speaks, and how it goes on in it. */
export type PageText = {
  readonly language: PageLanguage;
  readonly t: Translate;
  /** An address of ours; it keeps the language when the reader chose one. */
  to(path: string): string;
};

export type PageTextOf = (request: FastifyRequest, personLanguage?: string | null) => PageText;

/** What the reader chose on the page, else what is known of them, else what the browser asks for. */
export function createPageTextOf(siteLanguage: string): PageTextOf {
  return (request, personLanguage) => {
    const chosen = chosenLanguage(request);
    const language =
      chosen ?? findPageLanguage(personLanguage, ...readAcceptLanguage(request.headers['accept-language']), siteLanguage) ?? 'en';
    return pageTextIn(language, chosen !== undefined);
  };
}

export function pageTextIn(language: PageLanguage, isChosen = false): PageText {
  return { language, t: createTranslate(language), to: (path) => (isChosen ? `${path}?lang=${language}` : path) };
}

function chosenLanguage({ query }: FastifyRequest): PageLanguage | undefined {
  const lang = typeof query === 'object' && query !== null && 'lang' in query ? query.lang : undefined;
  return pageLanguages.find((language) => language === lang);
}
