import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldEntities, relationsOf } from '../../../memory/entities/fold.ts';
import type { NameMerge, NamingFact } from '../../../memory/entities/names.ts';
import { joinNames } from '../../../memory/entities/names.ts';
import { normaliseText } from '../../../memory/text.ts';

const idOf = (key: string): string => `e-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
let made = 0;

/** `subject|relation|value` as a fact that holds. */
function fact(line: string, change: Partial<NamingFact> = {}): NamingFact & { readonly validFrom: Date } {
  const [subject = '', relation = '', value = ''] = line.split('|');
  made += 1;
  const id = `m-${made}`;
  return {
    ...{ fact: id, kind: 'fact', subject, relation, value, trust: 'direct_user', validTo: null },
    ...{ validFrom: new Date('2026-01-01') },
    ...change,
  };
}

const merge = (id: string, into: string, ...names: readonly string[]): NameMerge => ({ merge: id, into, names });
const groups = (merges: readonly NameMerge[], facts: readonly NamingFact[] = []): string[][] =>
  joinNames(merges, facts).groups.map(({ key, keys }) => [key, ...keys.filter((one) => one !== key)]);
const named = (facts: readonly NamingFact[], merges: readonly NameMerge[] = []): string[] =>
  foldEntities(facts, { names: joinNames(merges, facts), idOf }).entities.map(({ name, kind, aliases }) =>
    [name, kind ?? '?', ...aliases].join('|'),
  );

describe('names', () => {
  test('are one in one spelling or another, and in no other way by themselves', () => {
    const facts = [fact('Zoë Müller|lives_in|Köln'), fact('zoe muller|likes|tea'), fact('Zoë|likes|tea')];
    expect(named(facts)).toEqual(['Köln|place', 'Zoë|person', 'Zoë Müller|person|zoe muller']);
  });

  test('of two people whom a speaker keeps apart stay two, whatever stands about either', () => {
    const facts = [
      fact('Anna (sister)|lives_in|Rome'),
      fact('Anna (boss)|lives_in|Oslo'),
      fact('Anna|likes|chess'),
      fact('user|sister|Anna'),
    ];
    expect(named(facts).filter((name) => name.startsWith('Anna'))).toEqual([
      'Anna|person',
      'Anna (boss)|?',
      'Anna (sister)|?',
    ]);
    expect(groups([], facts)).toEqual([]);
  });

  test('of somebody else in the family are not joined to who goes by the same name', () => {
    // "My nickname is Ben", "My brother is Ben": what is then said of Ben ends nothing of the user's.
    const facts = [fact('user|nickname|Ben'), fact('user|brother|Ben'), fact('user|lives_in|Berlin')];
    expect(groups([], facts)).toEqual([]);
    expect(groups([], facts.slice(0, 1))).toEqual([['user', 'ben']]);
  });

  test('are joined by a fact that says so, while it holds', () => {
    const said = fact('Robert Müller|also_known_as|Bob');
    const facts = [said, fact('Bob|works_at|Acme')];
    expect(groups([], facts)).toEqual([['robert muller', 'bob']]);
    expect(named(facts)).toEqual(['Acme|organisation', 'Robert Müller|person|Bob']);
    expect(groups([], [{ ...said, validTo: '2026-02-01' }, fact('Bob|works_at|Acme')])).toEqual([]);
  });

  test('are not joined by what an outside tool said, by a name that two claim, or against what keeps them apart', () => {
    expect(groups([], [fact('Robert|also_known_as|Bob', { trust: 'tool_external' })])).toEqual([]);
    expect(groups([], [fact('Robert|nickname|Bob'), fact('Bobby Tables|nickname|Bob')])).toEqual([]);
    expect(groups([], [fact('Robert|nickname|Bob'), fact('Robert|lives_in|Rome'), fact('Bob|lives_in|Oslo')])).toEqual(
      [],
    );
    // Of what one has many of, no value keeps anybody apart; nor does the same value.
    expect(
      groups(
        [],
        [fact('Robert|nickname|Bob'), fact('Robert|lives_in|Rome'), fact('Bob|home_city|rome'), fact('Bob|likes|tea')],
      ),
    ).toEqual([['robert', 'bob']]);
  });

  test('that are joined by facts one after the other are kept apart by what any of them has', () => {
    const facts = [
      fact('Robert|lives_in|Rome'),
      fact('Bobby|lives_in|Oslo'),
      fact('Robert|nickname|Bob'),
      fact('Bobby|alias|Rob'),
      fact('Bob|alias|Rob B'),
      fact('Rob B|alias|Bobby'),
    ];
    expect(groups([], facts)).toEqual([
      ['bobby', 'rob'],
      ['robert', 'bob', 'rob b'],
    ]);
  });

  test('are merged in any shape, rings among them, under the name that stands for the whole', () => {
    const merges = [merge('1', 'B', 'A'), merge('2', 'C', 'B'), merge('3', 'A', 'C'), merge('4', 'A', 'D')];
    expect(groups(merges)).toEqual([['c', 'a', 'b', 'd']]);
    expect(joinNames(merges, []).keyOf('Ä ')).toBe('c');
    expect(groups(merges.filter((one) => one.merge !== '2'))).toEqual([['b', 'a', 'c', 'd']]);
    expect(groups([merge('1', 'B', 'A'), merge('4', 'A', 'D')])).toEqual([['b', 'a', 'd']]);
  });
});

describe('entities', () => {
  test('rest on facts each, and are found by each of their names and ids', () => {
    const facts = [
      fact('user|sister|Ana'),
      fact('Ana|spouse|Tom'),
      fact('Tom|employer|Acme'),
      fact('user|observation|', { kind: 'observation' }),
    ];
    const folded = foldEntities(facts, { names: joinNames([merge('g', 'Thomas', 'Tom')], facts), idOf });
    expect(folded.entities.every((entity) => entity.facts.length > 0)).toBe(true);
    const tom = folded.find('Tom');
    expect(tom).toMatchObject({ entity: idOf('thomas'), name: 'Tom', joinedBy: [{ by: 'merge', id: 'g' }] });
    for (const name of ['thomas', idOf('tom'), idOf('thomas')]) expect(folded.find(name)).toBe(tom);
    expect(folded.find('Thom')).toBeUndefined();
    expect(
      tom &&
        relationsOf(tom, facts, folded).map(({ relation, direction, other }) => [relation, direction, other?.name]),
    ).toEqual([
      ['spouse_name', 'to', 'Ana'],
      ['works_at', 'of', 'Acme'],
    ]);
  });

  test('take no sentence, and no value of anything, for a name', () => {
    const long = 'a small flat near the sea with a garden';
    expect(named([fact(`user|lives_in|${long}`), fact('user|shoe_size|43')])).toEqual(['user|person']);
    // Unless somebody says something about it.
    expect(named([fact('user|plan|Apollo'), fact('Apollo|deadline|May')])).toEqual(['Apollo|project', 'user|person']);
  });
});

const names = ['Ana', 'Bob', 'Robert', 'Rob', 'Tom', 'Thomas', 'Acme', 'ACME Ltd'];
const facts = [
  ...names.map((name) => fact(`${name}|lives_in|${name.length > 4 ? 'Rome' : 'Oslo'}`)),
  fact('Robert|nickname|Rob'),
  fact('Tom|employer|Acme'),
];
const view = (merges: readonly NameMerge[]): string =>
  JSON.stringify([
    foldEntities(facts, { names: joinNames(merges, facts), idOf }).entities,
    joinNames(merges, facts).groups,
  ]);

describe('merges and splits at random', () => {
  const merges = fc
    .array(fc.subarray(names, { minLength: 2, maxLength: 4 }), { maxLength: 8 })
    .map((lists) => lists.map(([into = '', ...others], at) => merge(`g-${at}`, into, ...others)));

  test('leave what the merges that stand make of it, byte for byte', () => {
    fc.assert(
      fc.property(merges, fc.subarray(names, { minLength: 2, maxLength: 3 }), (standing, [into = '', ...others]) => {
        const before = view(standing);
        view([...standing, merge('new', into, ...others)]);
        // Merge and split: the merge is not there any more.
        expect(view([...standing, merge('new', into, ...others)].filter((one) => one.merge !== 'new'))).toBe(before);
      }),
      { numRuns: 200 },
    );
  });

  test('put each name in one group, which holds what was merged and nothing that was not', () => {
    fc.assert(
      fc.property(merges, (standing) => {
        const joined = joinNames(standing, []);
        for (const { into, names: others } of standing)
          for (const other of others) expect(joined.keyOf(other)).toBe(joined.keyOf(into));
        const all = joined.groups.flatMap(({ keys }) => keys);
        expect(new Set(all).size).toBe(all.length);
        // By walking: two names are one exactly where a chain of merges leads from one to the other.
        const reach = (from: string): Set<string> => {
          const seen = new Set([normaliseText(from)]);
          for (let size = 0; size !== seen.size;) {
            size = seen.size;
            for (const { into, names: others } of standing) {
              const keys = [into, ...others].map(normaliseText);
              if (keys.some((key) => seen.has(key))) for (const key of keys) seen.add(key);
            }
          }
          return seen;
        };
        for (const name of names) {
          const group = joined.groupOf(name)?.keys ?? [normaliseText(name)];
          expect(new Set(group)).toEqual(reach(name));
        }
      }),
      { numRuns: 300 },
    );
  });
});
