const kinds: Readonly<Record<string, string>> = {
  guide: 'Guide',
  care_sheet: 'Care sheet',
  problem: 'Problem solver',
  list: 'Selection',
  news: 'News',
};

export const kindOf = (contentType: string): string => kinds[contentType] ?? 'Article';

export type WriterLabel = { readonly label: string; readonly explanation: string };

/** How an article came about, in words that claim no more and no less. */
export function writerLabelOf(writer: string): WriterLabel {
  if (writer === 'extractive') {
    return {
      label: 'Compiled from sources',
      explanation:
        'Every sentence stands word for word in one of the sources below. We chose them, put them in order and set the headings.',
    };
  }
  if (writer === 'person') {
    return { label: 'Written by a person', explanation: 'One of our editors wrote this article and names the sources it rests on.' };
  }
  return {
    label: `Written by ${writer} from sources`,
    explanation: 'A language model wrote the text from the passages quoted below; the numbers show which statement rests on which source.',
  };
}

const charactersAMinute = 1150;

/** At about 200 words a minute, a common pace for non-fiction; never less than a minute. */
export const readingMinutesOf = (characters: number): number => Math.max(1, Math.round(characters / charactersAMinute));

export type Labels = { readonly dateOf: (time: Date) => string; readonly languageNameOf: (language: string) => string };

export function createLabels(language: string): Labels {
  const dates = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { dateStyle: 'long', timeZone: 'UTC' });
  const names = new Intl.DisplayNames(['en'], { type: 'language' });
  return {
    dateOf: (time) => dates.format(time),
    languageNameOf: (tag) => {
      try {
        return names.of(tag) ?? tag;
      } catch {
        // RangeError: no language tag; what was stored is the best that can be shown.
        return tag;
      }
    },
  };
}
