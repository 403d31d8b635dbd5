import { english } from './english.ts';
import { french } from './french.ts';
import { german } from './german.ts';
import type { LanguagePack } from './language-pack.ts';
import { portuguese } from './portuguese.ts';
import { spanish } from './spanish.ts';
import type { Language } from './times.ts';

/** The languages that the rules read. */
export const packs: Readonly<Record<Language, LanguagePack>> = {
  en: english,
  de: german,
  fr: french,
  es: spanish,
  pt: portuguese,
};

const words = Object.values(packs).map(({ language, common }) => ({ language, common: new Set(common.split(' ')) }));

/**
 * The languages a sentence may be in, likeliest first: those whose common words it has most of. Where it has none, or as many of two,
 * the whole message puts them in order.
 */
export function languagesOf(sentence: string, message: string): readonly Language[] {
  const hits = (text: string, common: ReadonlySet<string>): number =>
    (text.toLowerCase().match(/\p{L}+/gu) ?? []).filter((word) => common.has(word)).length;
  const scores = words.map(({ language, common }) => ({
    language,
    own: hits(sentence, common),
    all: hits(message, common),
  }));
  const most = Math.max(...scores.map(({ own }) => own));
  return scores
    .filter(({ own }) => own === most)
    .sort((a, b) => b.all - a.all)
    .map(({ language }) => language);
}
