import { eld } from 'eld/small';

/** Fewer letters than this say too little to overrule what the page declares. */
const minDetectableLength = 200;
const sampleLength = 4000;

/**
 * The language of a text: as the page declares it, unless detection on enough text says otherwise (templates declare their
 * own language, not the article's). `und` when nothing is known.
 */
export function judgeLanguage(text: string, declared: string | undefined): string {
  const sample = text.slice(0, sampleLength);
  const detected = eld.detect(sample);
  const isSure = sample.length >= minDetectableLength && detected.language !== '' && detected.isReliable();
  if (isSure) return detected.language;
  return declared ?? (detected.language === '' ? 'und' : detected.language);
}
