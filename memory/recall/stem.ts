/**
 * Stem of an English word by the Porter2 algorithm ("Snowball English", M. Porter 2001): "prefers", "preferred" and "preferring" meet.
 * Words with letters outside a–z come back unchanged.
 * @param word lower case
 */
export function stemEnglish(word: string): string {
  if (word.length < 3 || !/^[a-z']+$/.test(word)) return word;
  const special = exceptions.get(word);
  if (special !== undefined) return special;
  let base = word.replace(/^'/, '').replace(/(^|[aeiouy])y/g, '$1Y');
  const { r1, r2 } = regions(base);
  base = base.replace(/('s'|'s|')$/, '');
  base = plural(base);
  if (afterPlural.has(base)) return base;
  base = pastAndParticiple(base, r1);
  base = base.replace(/(.[^aeiouy])[yY]$/, '$1i');
  base = longSuffix(base, r1);
  base = derivedSuffix(base, r1, r2);
  base = residualSuffix(base, r2);
  return finalLetter(base, r1, r2).toLowerCase();
}

const exceptions = new Map(
  Object.entries({
    skis: 'ski',
    skies: 'sky',
    dying: 'die',
    lying: 'lie',
    tying: 'tie',
    idly: 'idl',
    gently: 'gentl',
    ugly: 'ugli',
    early: 'earli',
    only: 'onli',
    singly: 'singl',
    sky: 'sky',
    news: 'news',
    howe: 'howe',
    atlas: 'atlas',
    cosmos: 'cosmos',
    bias: 'bias',
    andes: 'andes',
  }),
);
const afterPlural = new Set(['inning', 'outing', 'canning', 'herring', 'earring', 'proceed', 'exceed', 'succeed']);

/** Where the parts begin that suffixes are taken from: after the first vowel and consonant, and after the second. */
function regions(word: string): { r1: number; r2: number } {
  const after = (from: number): number => {
    const found = /[aeiouy][^aeiouy]/.exec(word.slice(from));
    return found ? from + found.index + 2 : word.length;
  };
  const prefix = /^(gener|commun|arsen)/.exec(word);
  const r1 = prefix ? prefix[0].length : after(0);
  return { r1, r2: after(r1) };
}

function plural(word: string): string {
  if (word.endsWith('sses')) return word.slice(0, -2);
  if (/(ied|ies)$/.test(word)) return word.length > 4 ? word.slice(0, -2) : word.slice(0, -1);
  if (/(us|ss)$/.test(word)) return word;
  return /[aeiouy].+s$/.test(word) ? word.slice(0, -1) : word;
}

function pastAndParticiple(word: string, r1: number): string {
  const eed = /(eedly|eed)$/.exec(word);
  if (eed) return eed.index >= r1 ? `${word.slice(0, eed.index)}ee` : word;
  const ending = /(ingly|edly|ing|ed)$/.exec(word);
  if (!ending) return word;
  const base = word.slice(0, ending.index);
  if (!/[aeiouy]/.test(base)) return word;
  if (/(at|bl|iz)$/.test(base)) return `${base}e`;
  if (/(bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(base)) return base.slice(0, -1);
  return isShort(base, r1) ? `${base}e` : base;
}

function isShort(word: string, r1: number): boolean {
  return r1 >= word.length && (/[^aeiouy][aeiouy][^aeiouywxY]$/.test(word) || /^[aeiouy][^aeiouy]$/.test(word));
}

const step2: readonly (readonly [string, string])[] = [
  ['ization', 'ize'],
  ['ational', 'ate'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['iveness', 'ive'],
  ['tional', 'tion'],
  ['biliti', 'ble'],
  ['lessli', 'less'],
  ['entli', 'ent'],
  ['ation', 'ate'],
  ['alism', 'al'],
  ['aliti', 'al'],
  ['ousli', 'ous'],
  ['iviti', 'ive'],
  ['fulli', 'ful'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['abli', 'able'],
  ['izer', 'ize'],
  ['ator', 'ate'],
  ['alli', 'al'],
  ['bli', 'ble'],
];

function longSuffix(word: string, r1: number): string {
  for (const [suffix, other] of step2) {
    if (!word.endsWith(suffix)) continue;
    const at = word.length - suffix.length;
    return at >= r1 ? word.slice(0, at) + other : word;
  }
  if (/logi$/.test(word) && word.length - 3 >= r1) return word.slice(0, -1);
  return /[cdeghkmnrt]li$/.test(word) && word.length - 2 >= r1 ? word.slice(0, -2) : word;
}

const step3: readonly (readonly [string, string])[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['alize', 'al'],
  ['icate', 'ic'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ness', ''],
  ['ful', ''],
];

function derivedSuffix(word: string, r1: number, r2: number): string {
  for (const [suffix, other] of step3) {
    if (!word.endsWith(suffix)) continue;
    const at = word.length - suffix.length;
    return at >= r1 ? word.slice(0, at) + other : word;
  }
  return word.endsWith('ative') && word.length - 5 >= r2 ? word.slice(0, -5) : word;
}

const step4 = /(ement|ment|able|ible|ance|ence|ant|ent|ism|ate|iti|ous|ive|ize|al|er|ic)$/;

function residualSuffix(word: string, r2: number): string {
  const found = step4.exec(word);
  if (found) return found.index >= r2 ? word.slice(0, found.index) : word;
  return /[st]ion$/.test(word) && word.length - 3 >= r2 ? word.slice(0, -3) : word;
}

function finalLetter(word: string, r1: number, r2: number): string {
  const at = word.length - 1;
  if (word.endsWith('e')) {
    const base = word.slice(0, -1);
    const isShortEnd = /[^aeiouy][aeiouy][^aeiouywxY]$/.test(base) || /^[aeiouy][^aeiouy]$/.test(base);
    return at >= r2 || (at >= r1 && !isShortEnd) ? base : word;
  }
  return word.endsWith('ll') && at >= r2 ? base1(word) : word;
}

function base1(word: string): string {
  return word.slice(0, -1);
}
