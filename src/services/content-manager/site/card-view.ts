import { kindOf, type Labels, readingMinutesOf } from './labels.ts';
import { paths } from './links.ts';
import type { ArticleCard, SiteConfig } from './site-types.ts';

/** What the templates show of an article, wherever it stands. */
export type CardView = {
  readonly url: string;
  readonly title: string;
  readonly summary: string;
  /** Null in the language of the site: only what differs is marked. */
  readonly lang: string | null;
  readonly languageName: string | null;
  readonly category: { readonly name: string; readonly url: string } | null;
  readonly kind: string;
  readonly isoDate: string;
  readonly date: string;
  readonly minutes: number;
  readonly cover: string;
  readonly wide: string;
};

export function createCardView(site: SiteConfig, labels: Labels): (card: ArticleCard) => CardView {
  return (card) => {
    const isForeign = card.language !== site.language;
    return {
      url: paths.article(card.slug),
      title: card.title,
      summary: card.summary,
      lang: isForeign ? card.language : null,
      languageName: isForeign ? labels.languageNameOf(card.language) : null,
      category: card.category === null ? null : { name: card.categoryName ?? card.category, url: paths.category(card.category) },
      kind: kindOf(card.contentType),
      isoDate: card.publishedAt.toISOString(),
      date: labels.dateOf(card.publishedAt),
      minutes: readingMinutesOf(card.characters),
      cover: paths.artwork('card', card.category, card.slug),
      wide: paths.artwork('wide', card.category, card.slug),
    };
  };
}
