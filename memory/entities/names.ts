import { kindOfValue } from './kinds.ts';
import { holdsOf, relationKey } from '../relations.ts';
import { normaliseContent, normaliseText } from '../text.ts';

/** What a fact says, as far as names are concerned. */
export interface NamingFact {
  readonly fact: string;
  readonly kind: string;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  readonly trust: string;
  /** When it ended; null or absent while it holds. */
  readonly validTo?: Date | string | null;
}

/** A merge that stands. */
export interface NameMerge {
  readonly merge: string;
  readonly into: string;
  readonly names: readonly string[];
}

/** Why two names are one: somebody merged them, or a fact says so. */
export interface NameLink {
  readonly by: 'merge' | 'fact';
  /** The merge or the fact. */
  readonly id: string;
}

/** Names that are of one thing. */
export interface NameGroup {
  /** The normalised name that stands for all. */
  readonly key: string;
  /** All of them, normalised, in order. */
  readonly keys: readonly string[];
  readonly links: readonly NameLink[];
}

/** Which names are one. */
export interface EntityNames {
  /** The name that stands for this one, normalised: its own where it is joined with none. */
  keyOf(name: string): string;
  /** The group that a name is of; undefined for a name that stands for itself. */
  groupOf(name: string): NameGroup | undefined;
  readonly groups: readonly NameGroup[];
}

/** Relations by which people say that a thing has another name. */
const saysSame: ReadonlySet<string> = new Set(
  'also_known_as known_as alias aka nickname nick_name goes_by same_as same_person_as'.split(' '),
);

/** True for a relation that gives a thing another name. */
export function isAlias(relation: string): boolean {
  return saysSame.has(relationKey(relation));
}

/** Every name stands for itself. */
export const separateNames: EntityNames = joinNames([], []);

/**
 * Joins names: those that stand in one merge, and those that a fact says are one, as far as that is safe. A fact joins two names when it
 * holds, comes from no outside tool, no other fact claims the name for somebody else, and nothing keeps the two apart: different values of what one has one of
 * (two homes, two employers). Nothing else joins names; in particular not likeness.
 * Pure: the same facts and merges give the same groups, so without a merge all is as if it had never been.
 * @param merges that stand, in the order of the log
 * @param facts in the order of the log; those that ended count nothing
 */
export function joinNames(merges: readonly NameMerge[], facts: readonly NamingFact[]): EntityNames {
  const groups = new Map<string, Group>();
  for (const { merge, into, names } of merges) {
    const keys = [into, ...names].map(normaliseText).filter((key) => key !== '');
    const [first] = keys;
    if (first === undefined) continue;
    const key = groups.get(first)?.key ?? first;
    unite(groups, keys, { key, link: { by: 'merge', id: merge } });
  }
  const holding = facts.filter(({ validTo }) => validTo == null);
  const said = holding.filter(({ relation, trust }) => isAlias(relation) && trust !== 'tool_external');
  if (said.length > 0) {
    const claims = claimsOf(said, holding);
    const single = singleValues(holding);
    for (const { fact, subject, value } of said) {
      const [own, other] = [normaliseText(subject), normaliseText(value)];
      if (own === '' || other === '' || own === other) continue;
      if ((claims.get(other)?.size ?? 0) > 1) continue;
      const members = [groups.get(own)?.keys ?? [own], groups.get(other)?.keys ?? [other]].map((keys) => [...keys]);
      if (contradict(single, members[0] ?? [], members[1] ?? [])) continue;
      const key = groups.get(own)?.key ?? groups.get(other)?.key ?? own;
      unite(groups, [own, other], { key, link: { by: 'fact', id: fact } });
    }
  }
  const listed = [...new Set(groups.values())]
    .filter(({ keys }) => keys.size > 1)
    .map(({ key, keys, links }): NameGroup => ({ key, keys: [...keys].sort(), links }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const byName = new Map(listed.flatMap((group) => group.keys.map((key) => [key, group] as const)));
  return {
    keyOf: (name) => byName.get(normaliseText(name))?.key ?? normaliseText(name),
    groupOf: (name) => byName.get(normaliseText(name)),
    groups: listed,
  };
}

interface Group {
  key: string;
  readonly keys: Set<string>;
  readonly links: NameLink[];
}

/** Makes one group of all that the names are in. */
function unite(
  groups: Map<string, Group>,
  names: readonly string[],
  { key, link }: { key: string; link: NameLink },
): void {
  const one: Group = { key, keys: new Set(), links: [] };
  for (const name of names) {
    const group = groups.get(name);
    if (group === one) continue;
    for (const member of group?.keys ?? [name]) {
      one.keys.add(member);
      groups.set(member, one);
    }
    one.links.push(...(group?.links ?? []));
  }
  one.links.push(link);
}

/** For each name, whose other name it is said to be. */
/** Who is said to go by a name: those that an alias names, and somebody's brother or friend, who is another person than whose they are. */
function claimsOf(said: readonly NamingFact[], holding: readonly NamingFact[]): Map<string, Set<string>> {
  const claims = new Map<string, Set<string>>();
  const claim = (name: string, by: string): void => {
    const key = normaliseText(name);
    claims.set(key, (claims.get(key) ?? new Set()).add(by));
  };
  for (const { subject, value } of said) claim(value, normaliseText(subject));
  for (const { subject, relation, value } of holding)
    if (kindOfValue(relation) === 'person') claim(value, `${normaliseText(subject)}|${relation}`);
  return claims;
}

/** What each name has one of at a time, with what it is. */
function singleValues(facts: readonly NamingFact[]): Map<string, Map<string, string>> {
  const single = new Map<string, Map<string, string>>();
  for (const { subject, relation, value } of facts) {
    if (holdsOf(relation) !== 'one' || value === '') continue;
    const own = single.get(normaliseText(subject)) ?? new Map<string, string>();
    single.set(normaliseText(subject), own.set(relationKey(relation), normaliseContent(value)));
  }
  return single;
}

function contradict(
  single: ReadonlyMap<string, ReadonlyMap<string, string>>,
  some: readonly string[],
  others: readonly string[],
): boolean {
  const valuesOf = (keys: readonly string[]): (readonly [string, string])[] =>
    keys.flatMap((key) => [...(single.get(key) ?? [])]);
  const values = new Map(valuesOf(some));
  return valuesOf(others).some(([relation, value]) => values.has(relation) && values.get(relation) !== value);
}
