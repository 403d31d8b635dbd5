import type { FactKind } from '../events.ts';
import type { Language } from './times.ts';

/** How one language says one relation. Sources of regular expressions; `VALUE` stands for what is read. */
export interface Saying {
  readonly relation: string;
  /** @default 'fact' */
  readonly kind?: FactKind;
  /** Of the speaker: from the verb on ("live in VALUE"), or from the possessive on when `whole`. */
  readonly me: string;
  /** Of somebody else: from the verb on. @default nobody else is said to */
  readonly they?: string;
  /** `me` is the whole clause, without a subject before it. @default false */
  readonly whole?: boolean;
  /** The value when the words have none, or always the same: "I am married" → married. */
  readonly value?: string;
  /** Several values may be named: "tea and coffee". @default false */
  readonly isList?: boolean;
  /** It was so and is over: "I used to live in". @default false */
  readonly isPast?: boolean;
  /** It ends what holds: "I left Acme". @default false */
  readonly isEnd?: boolean;
  /** The value must look like this. @default anything */
  readonly only?: RegExp;
}

/** What one language needs to be read. Every list is made of beginnings or whole clauses, never of guesses about grammar. */
export interface LanguagePack {
  readonly language: Language;
  /** Words that hardly any other of the five languages has. */
  readonly common: string;
  /** Subject of the speaker, with the space after it; may be empty where the verb says it. */
  readonly me: string;
  /** What stands before a verb whose subject was said before: "I live here and [I] work there". */
  readonly elided: string;
  /** Adverbs that may stand before or after the verb. */
  readonly adverbs: string;
  /** "My sister", with the groups `kin` and `kinName`; `name` alone is matched by a capital letter. */
  readonly kin: string;
  readonly sayings: readonly Saying[];
  /** Beginnings that say nothing: "Hi", "by the way". */
  readonly fillers: RegExp;
  /** Beginnings that correct what was said. */
  readonly corrections: RegExp;
  /** Without a question mark. */
  readonly questions: RegExp;
  /** "If I lived", "imagine", "I would like to". */
  readonly hypotheticals: RegExp;
  /** Somebody else says so, or the speaker is not sure. */
  readonly hearsay: RegExp;
  readonly sarcasm: RegExp;
  /** It lasts for a while only. */
  readonly temporary: RegExp;
  /** "No longer" and "not": what is left says the contrary. The first that matches is applied. */
  readonly negations: readonly { readonly find: RegExp; readonly put: string; readonly longer: boolean }[];
  /** "Y, not X" and "not X but Y"; groups `now` and `before`. */
  readonly swaps: readonly RegExp[];
  /** "Forget my shoe size"; group `what`. */
  readonly forgets: RegExp;
  /** Between clauses. */
  readonly joins: RegExp;
  /** Endings of a value that are no part of it. */
  readonly tails: RegExp;
  readonly articles: RegExp;
}
