/** Words that say how something is asked and not what: "how to get rid of …", "… for beginners", "a short guide to …". */
const askingWords: Readonly<Record<string, RegExp>> = {
  en: /\b(?:how (?:to|do|can|much|many|often|long)|get(?:ting)? rid of|what (?:is|are)|why (?:do|does|is|are)|when to|where to|which|best|good|great|easy|simple|short|complete|ultimate|full|quick|guides?|tips?|tricks?|advice|help|basics|introduction|overview|tutorial|care|sheet|caring|keeping|keep|for beginners?|beginners?|beginner['’]s|start(?:ing|ed)|causes and cures|explained|info|information|about|need(?:ed|s)?|everything|know|learn|list|ideas?|step by step|choos(?:e|ing)|do|does|i|my|you|your|we|me|should|can)\b/giu,
  bg: /(?<!\p{L})(?:как(?: да)?|какво(?: е)?|защо|кога|кои|кой|най-добр\p{L}*|лесн\p{L}*|съвет\p{L}*|ръководство|грижи?|за начинаещи|начинаещи|основи|въведение)(?!\p{L})/giu,
};

/** What is asked for; all of it where nothing else is left. */
export function leaveOutAsking(text: string, language: string): string {
  const rest = text.replace(askingWords[language] ?? /(?!)/, ' ').trim();
  return /\p{L}|\p{N}/u.test(rest) ? rest : text;
}
