import { describe, expect, test } from 'vitest';
import { joinNames } from '../../../memory/entities/names.ts';
import type { NameMerge } from '../../../memory/entities/names.ts';
import { searchShelves } from '../../../memory/recall/search.ts';
import type { Shelf, ShelfItem } from '../../../memory/recall/shelf.ts';
import { createShelf } from '../../../memory/recall/shelf.ts';

let position = 0;
const base = {
  ...{ expires: null, to: null, fork: '', ofUser: true, agent: null, thread: null, session: null },
  at: Date.parse('2026-03-01'),
};

/** `subject|relation|value|sentence` as a fact under the id of its value. */
function fact(line: string, turn = 'elsewhere'): ShelfItem {
  const [subject = '', relation = '', value = '', text = ''] = line.split('|');
  position += 1;
  const id = `${subject} ${relation}`;
  return {
    ...{ ...base, id, kind: 'fact', text, textHash: id, speaker: null, from: position, turn },
    fact: { subject, relation, value },
  };
}

function round(id: string, text: string, turn: string): ShelfItem {
  position += 1;
  return { ...base, id, kind: 'round', text, textHash: id, speaker: 'user', session: 's', from: position, turn };
}

function shelfOf(...items: readonly ShelfItem[]): Shelf {
  const shelf = createShelf();
  shelf.put(items);
  return shelf;
}

/** What the walk reaches, best first, with its score. */
function reach(
  shelf: Shelf,
  text: string,
  { merges = [], hidden = [] }: { merges?: NameMerge[]; hidden?: string[] } = {},
) {
  const { candidates } = searchShelves(
    [shelf],
    { text, vector: null, names: joinNames(merges, []) },
    { isVisible: ({ id }) => !hidden.includes(id) },
  );
  return candidates
    .map(({ entry, features }) => ({ id: entry.id, linked: Math.round(features.linked * 1000) / 1000 }))
    .filter(({ linked }) => linked > 0)
    .sort((a, b) => b.linked - a.linked);
}
const idsOf = (found: ReturnType<typeof reach>): string[] => found.map(({ id }) => id);

const family = [
  fact('user|sister|Ana|Her name is Ana.'),
  fact('Ana|spouse|Tom|Ana and Tom have been a couple since 2019.', 'wedding'),
  fact('Tom|employer|Acme|Acme pays Tom.', 'acme'),
  fact('Acme|located_in|Graz|Acme sits in Graz.'),
  fact('user|employer|Globex|Globex it is.'),
  fact('user|likes|tea|Tea, always.'),
];

describe('the walk along facts', () => {
  test('finds what no word of the question stands in, two hops from whom it names by a role', () => {
    const found = reach(shelfOf(...family), "Where does my sister's husband work?");
    expect(idsOf(found)).toEqual(['Tom employer', 'Ana spouse', 'user sister', 'user employer']);
    expect(found[0]?.linked).toBeGreaterThan(0.7);
  });

  test('begins at the names in the question, in any spelling, and goes two hops and no further', () => {
    const found = reach(shelfOf(...family), 'Tell me about ÁNA');
    expect(new Set(idsOf(found))).toEqual(new Set(['user sister', 'Ana spouse', 'Tom employer']));
    expect(idsOf(reach(shelfOf(...family), 'Who is with Acme?'))).toEqual(
      expect.arrayContaining(['Tom employer', 'Acme located_in', 'Ana spouse']),
    );
  });

  test('takes merged names for one', () => {
    const shelf = shelfOf(fact('Robert Müller|employer|Acme|x'), fact('Bob|lives_in|Oslo|y'));
    expect(idsOf(reach(shelf, 'Where does Bob work?'))).toEqual(['Bob lives_in']);
    const merges = [{ merge: 'g', into: 'Robert Müller', names: ['Bob'] }];
    expect(idsOf(reach(shelf, 'Where does Bob work?', { merges }))).toEqual(['Robert Müller employer', 'Bob lives_in']);
  });

  test('goes over nothing that the reader does not see', () => {
    expect(
      idsOf(reach(shelfOf(...family), "Where does my sister's husband work?", { hidden: ['Ana spouse'] })),
    ).toEqual(['user sister', 'user employer']);
  });

  test('reaches the messages that the facts were drawn from, for less than the facts', () => {
    const shelf = shelfOf(
      ...family,
      round('said', 'We were all there, on the ferry.', 'acme'),
      round('other', 'Hm.', 'x'),
    );
    const found = reach(shelf, "Where does my sister's husband work?");
    const [of, said] = ['Tom employer', 'said'].map((id) => found.find((one) => one.id === id)?.linked ?? 0);
    expect(said).toBeCloseTo((of ?? 0) / 2, 2);
    expect(idsOf(found)).not.toContain('other');
  });

  test('gives little for a name on which everything hangs', () => {
    const crowd = Array.from({ length: 300 }, (_, n) => fact(`person ${n}|employer|Acme|p${n}`));
    const found = reach(shelfOf(...crowd, fact('Tom|spouse|Ana|z')), 'Who knows Acme?');
    expect(found.length).toBeGreaterThan(100);
    expect(found[0]?.linked).toBeLessThan(0.05);
  });

  test('is bounded: a dense web of facts takes a moment', () => {
    const web = Array.from({ length: 20_000 }, (_, n) => fact(`n${n % 150}|knows|n${(n * 7 + 1) % 150}|w${n}`));
    const shelf = shelfOf(...web);
    reach(shelf, 'Who knows n5?');
    const began = performance.now();
    reach(shelf, 'Who knows n5?');
    expect(performance.now() - began).toBeLessThan(500);
  });

  test('does nothing where there are no facts, and finds no one by a word that is no name', () => {
    expect(reach(shelfOf(round('said', 'My sister is here.', 't')), 'my sister')).toEqual([]);
    expect(idsOf(reach(shelfOf(...family), 'What is the weather in Berlin?'))).toEqual([]);
  });
});
