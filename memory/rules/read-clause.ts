import type { LanguagePack, Saying } from './language-pack.ts';

/** What a clause says, before times are placed and subjects are resolved. */
export interface SaidFact {
  readonly saying: Saying;
  /** `user`, `sister`, `Anna (sister)` or `Bo`. */
  readonly subject: string;
  readonly relation: string;
  readonly values: readonly string[];
  /** Where they moved from. */
  readonly from: string | null;
}

interface Compiled {
  readonly saying: Saying;
  readonly me: RegExp;
  readonly they: RegExp | null;
}

const compiled = new WeakMap<LanguagePack, readonly Compiled[]>();
const value = '(?<v>.+?)';
const notNames =
  /^(?:he|she|it|they|we|you|that|this|there|what|who|everyone|everybody|nobody|somebody|someone|er|sie|es|wir|das|man|il|elle|ils|elles|on|ce|cela|él|ella|ellos|ellas|eso|ele|ela|eles|elas|isso|my|our|mein|meine|mon|ma|mi|meu|minha|also|no|yes|antes|avant|früher|before|once|now|ahora|agora|jetzt|maintenant|hoje|hoy|today)$/iu;
/** Where a place ends and the sentence goes on: "New York and love it". */
const goesOn = /,? (?:and|but|und|aber|et|mais|y|pero|e|mas|because|since|with|near|weil|mit|avec|con|com) \p{Ll}.*$/su;
/** Words that point at what was said before, or begin a sentence of their own. */
const notValues =
  /^(?:it|that|this|these|those|them|him|her|you|your|how|what|when|where|why|to|being|es|das|dich|dir|ihn|sie|wie|wenn|dass|was|ça|cela|te|toi|vous|comment|quand|que|qué|cómo|cuando|eso|esto|lo|isso|isto|você|quando|o que)(?!\p{L})/iu;
const name = "(?<name>\\p{Lu}[\\p{L}'-]+(?: \\p{Lu}[\\p{L}'-]+)?)";

/** The first saying of the language that the clause fits, or null. The order of the sayings is their precedence. */
export function readClause(clause: string, pack: LanguagePack): SaidFact | null {
  for (const { saying, me, they } of sayingsOf(pack)) {
    const own = me.exec(clause);
    const fact = own && toFact(saying, own.groups ?? {}, 'user', pack);
    if (fact) return fact;
    const other = they?.exec(clause);
    const groups = other?.groups ?? {};
    const who = groups['kin'] === undefined ? groups['name'] : kinSubject(groups['kin'], groups['kinName']);
    const about = who === undefined ? null : toFact(saying, groups, who, pack);
    if (about) return about;
  }
  return null;
}

function sayingsOf(pack: LanguagePack): readonly Compiled[] {
  const known = compiled.get(pack);
  if (known) return known;
  const adverbs = `(?:(?:${pack.adverbs}) )*`;
  // Only a name at the very beginning is matched by its capital: the flag would make every letter match one.
  const made = pack.sayings.map((saying): Compiled => {
    const end = '[.!]*$';
    const me = saying.me.replace('VALUE', value);
    const they = saying.they?.replace('VALUE', value);
    return {
      saying,
      me: new RegExp(saying.whole ? `^${me}${end}` : `^${pack.me}${adverbs}${me}${end}`, 'iu'),
      they: they === undefined ? null : new RegExp(`^(?:${pack.kin}|${name}) ${adverbs}${they}${end}`, 'iu'),
    };
  });
  compiled.set(pack, made);
  return made;
}

function toFact(
  saying: Saying,
  groups: Readonly<Record<string, string | undefined>>,
  subject: string,
  pack: LanguagePack,
): SaidFact | null {
  // The patterns ignore case: a name is told by its capital here.
  const called = groups['kin'] === undefined ? groups['name'] : groups['kinName'];
  if (subject !== 'user' && called !== undefined && (!/^\p{Lu}/u.test(called) || notNames.test(called))) return null;
  const said = saying.value === 'whole' ? (groups['whole'] ?? '') : (saying.value ?? groups['v'] ?? '');
  const values = (saying.isList ? said.split(/\s*,\s*|\s+(?:and|or|und|oder|et|ou|y|e|o|ni|nor|nem)\s+/i) : [said])
    .map((one) => tidy(isPlace(saying) ? one.replace(goesOn, '') : one, pack))
    .filter((one) => one !== '' || saying.value === '');
  // More words than these are a sentence that the pattern ran into.
  const words = (one: string): number => one.split(/\s+/).length;
  if (values.length === 0 || values.some((one) => one.length > 200 || (saying.value !== 'whole' && words(one) > 6)))
    return null;
  if (
    saying.value === undefined &&
    values.some((one) => notValues.test(one) || (isPlace(saying) && !/^[\p{Lu}\p{Lo}\d]\D/u.test(one)))
  )
    return null;
  if (saying.only && !values.every((one) => saying.only?.test(one))) return null;
  const from = groups['from'] === undefined ? null : tidy(groups['from'], pack);
  return { saying, subject, relation: relationOf(saying, groups), values, from };
}

/** Homes and employers are names: "I live in hope" is none. */
function isPlace({ relation }: Saying): boolean {
  return ['lives_in', 'works_at', 'staying_in', 'name'].includes(relation);
}

function relationOf({ relation }: Saying, groups: Readonly<Record<string, string | undefined>>): string {
  const { pet, kinOf, thing = '' } = groups;
  const key = (word: string): string => word.toLowerCase().replace(/\P{L}+/gu, '_');
  if (relation === 'PET_name') return `${key(pet ?? 'pet')}_name`;
  if (relation === 'KIN_name') return `${key(kinOf ?? 'relative')}_name`;
  if (relation === 'FAVOURITE') return `favourite_${key(thing)}`;
  return relation === 'SIZE' ? `${key(thing)}_size` : relation;
}

/** A value without its article, its fillers and its full stop. */
export function tidy(text: string, pack: LanguagePack): string {
  let value = text.trim();
  for (let before = ''; before !== value;) {
    before = value;
    value = value
      .replace(/[\s,.;:!]+$/u, '')
      .replace(pack.tails, '')
      .replace(/^["'«“„](.*)["'»”“]$/su, '$1');
  }
  return value.replace(pack.articles, '').trim();
}

function kinSubject(kin: string, called: string | undefined): string {
  return called === undefined ? kin.toLowerCase() : `${called} (${kin.toLowerCase()})`;
}
