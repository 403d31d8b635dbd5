/** Gives the possessive of a name: "Ana's", "The user's". */
export function possessive(name: string): string {
  return name.endsWith('s') ? `${name}'` : `${name}'s`;
}

/** Turns first-person words inside a phrase into third-person ones: "my parents" becomes "their parents". */
export function inThirdPerson(phrase: string): string {
  return phrase
    .replace(/\b(?:my|our)\b/gi, 'their')
    .replace(/\b(?:mine|ours)\b/gi, 'theirs')
    .replace(/\b(?:myself|ourselves)\b/gi, 'themselves')
    .replace(/\b(?:me|us)\b/g, 'them')
    .replace(/\b(?:I|we) am\b/g, 'they are')
    .replace(/\bI\b/g, 'they');
}

const BEFORE_VERB =
  /^(?:always|never|also|really|usually|often|just|only|still|now|currently|sometimes|mostly|generally)$/i;
const UNCHANGED =
  /^(?:was|will|would|can|cannot|could|should|must|may|might|shall|did|had|went|got|bought|made|took|came|saw|sent|paid|lost|found|left|told|said|ate|gave|met|felt|kept|spent|thought|began|broke|chose|wrote|ran|sold|read|put|cut|set|hit|quit|\w+ed)$/i;

/** Turns "I usually take the train with my son" into "Ana usually takes the train with their son". */
export function aboutPerson(sentence: string, name: string): string {
  const own = /^(?:my|our) (.+)$/is.exec(sentence);
  if (own?.[1] !== undefined) return `${possessive(name)} ${inThirdPerson(own[1])}`;
  const self = /^(?:i|we) (.+)$/is.exec(sentence);
  if (self?.[1] === undefined) return capitalise(inThirdPerson(sentence));
  const words = self[1].split(' ');
  const at = words.findIndex((word) => !BEFORE_VERB.test(word));
  const verb = words[at];
  if (verb !== undefined) words[at] = singular(verb);
  return `${name} ${inThirdPerson(words.join(' '))}`;
}

function singular(verb: string): string {
  const lower = verb.toLowerCase();
  if (lower === 'am' || lower === 'are') return 'is';
  if (lower === 'have') return 'has';
  if (lower === 'do') return 'does';
  if (UNCHANGED.test(lower) || !/^[a-z]+$/.test(lower)) return verb;
  if (/(?:[sxz]|ch|sh|o)$/.test(lower)) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** Gives the text with its first letter in upper case. */
export function capitalise(text: string): string {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 32);
  return text === '' ? '' : first.toUpperCase() + text.slice(first.length);
}

/** Gives the text ending in one full stop. */
export function asSentence(text: string): string {
  const trimmed = text.trim().replace(/[\s,;:]+$/u, '');
  return /[.!?。！？…]$/u.test(trimmed) ? trimmed : `${trimmed}.`;
}
