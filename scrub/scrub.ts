import { findCards, findEmails, findIbans, findIpAddresses } from './find-identifiers.ts';
import { findPhones, isPhoneCountry } from './find-phones.ts';
import { findSecrets } from './find-secrets.ts';
import type { Found } from './found.ts';

/** Kinds of things that are scrubbed. `secret`: keys, tokens, passwords. */
export const scrubClasses = ['secret', 'card', 'iban', 'email', 'phone', 'ip'] as const;
/** One of {@link scrubClasses}. */
export type ScrubClass = (typeof scrubClasses)[number];

/** What is taken out of texts. */
export interface ScrubPolicy {
  /** @default all */
  readonly classes?: readonly ScrubClass[];
  /** Two letters: whose national phone numbers are known, for example `DE`. @default international ones only */
  readonly country?: string;
}

/** A text without what was scrubbed, and how often each class was found. */
export interface Scrubbed {
  readonly text: string;
  readonly counts: Readonly<Partial<Record<ScrubClass, number>>>;
}

const finders: Readonly<Record<ScrubClass, (text: string, policy: ScrubPolicy) => readonly Found[]>> = {
  secret: findSecrets,
  card: findCards,
  iban: findIbans,
  email: findEmails,
  phone: findPhones,
  ip: findIpAddresses,
};

/**
 * Puts `[email]`, `[phone]`, `[card]`, `[iban]`, `[ip]` or `[secret]` where such a thing stands in a text. The same text gives the same
 * result, and a scrubbed text stays as it is. Where two classes claim the same characters, the earlier one of `scrubClasses` has them.
 */
export function scrub(text: string, policy: ScrubPolicy = {}): Scrubbed {
  const { classes = scrubClasses } = policy;
  const taken: (Found & { readonly as: ScrubClass })[] = [];
  for (const as of scrubClasses) {
    if (!classes.includes(as)) continue;
    for (const { from, to } of finders[as](text, policy))
      if (taken.every((other) => to <= other.from || from >= other.to)) taken.push({ from, to, as });
  }
  const counts: Partial<Record<ScrubClass, number>> = {};
  let [out, at] = ['', 0];
  for (const { from, to, as } of taken.sort((a, b) => a.from - b.from)) {
    out += `${text.slice(at, from)}[${as}]`;
    at = to;
    counts[as] = (counts[as] ?? 0) + 1;
  }
  return { text: out + text.slice(at), counts };
}

/** What is wrong with a policy that somebody wrote, or null. */
export function problemOf(policy: unknown): string | null {
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) return 'it must be an object';
  const { classes, country, ...strangers } = policy as Record<string, unknown>;
  const [stranger] = Object.keys(strangers);
  if (stranger !== undefined) return `there is no "${stranger.slice(0, 80)}"; known are classes and country`;
  if (classes !== undefined) {
    if (!Array.isArray(classes)) return 'classes must be a list';
    const wrong: unknown = classes.find((one) => !(scrubClasses as readonly unknown[]).includes(one));
    if (wrong !== undefined) return `there is no class ${JSON.stringify(wrong)}; known are ${scrubClasses.join(', ')}`;
  }
  const isKnown = country === undefined || (typeof country === 'string' && isPhoneCountry(country));
  return isKnown ? null : 'country must be two letters, as in "DE"';
}

/** Gives the function that scrubs by a policy; without one, texts stay as they are. */
export function scrubber(policy: ScrubPolicy | null | undefined): (text: string) => string {
  // What is no text is refused by those who check requests, not here.
  return policy ? (text) => (typeof text === 'string' ? scrub(text, policy).text : text) : (text) => text;
}
