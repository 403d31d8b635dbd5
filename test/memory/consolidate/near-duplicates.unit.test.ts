import { describe, expect, test } from 'vitest';
import { inventedIn, losesNothing } from '../../../memory/consolidate/lossless.ts';
import { findNearDuplicates } from '../../../memory/consolidate/near-duplicates.ts';
import type { CaredFact } from '../../../memory/consolidate/near-duplicates.ts';
import { cared } from './given.ts';

const merged = (...facts: readonly CaredFact[]): string[] =>
  findNearDuplicates(facts).map(({ keep, gone }) => `${keep} <- ${gone.join(' ')}`);

describe('facts that say the same', () => {
  test('in other words are merged into the one that began first, with more trust, with more sources', () => {
    expect(
      merged(
        cared('b', 'The user likes tea a lot.', { validFrom: '2026-04-01T00:00:00.000Z' }),
        cared('a', 'User really likes tea.'),
        cared('c', 'The user enjoys tea.', { relation: 'enjoys', validFrom: '2026-05-01T00:00:00.000Z' }),
      ),
    ).toEqual(['a <- b']);
    expect(
      merged(
        cared('b', 'The user likes tea.', { value: 'teas', validFrom: '2026-04-01T00:00:00.000Z' }),
        cared('a', 'User likes tea!'),
        cared('c', 'The user likes the tea', { relation: 'loves', validFrom: '2026-05-01T00:00:00.000Z' }),
      ),
    ).toEqual(['a <- b c']);
  });

  test('under other relations are merged only when the whole text is the same', () => {
    const dark = { value: 'dark mode', relation: 'prefers' };
    const again = { value: 'mode dark', relation: 'preference' };
    expect(
      merged(cared('a', 'The user prefers dark mode.', dark), cared('b', 'User prefers dark mode', again)),
    ).toEqual(['a <- b']);
    expect(merged(cared('a', 'The user prefers dark mode.', dark), cared('b', 'User uses dark mode', again))).toEqual(
      [],
    );
  });

  const kept: readonly (readonly [string, CaredFact, CaredFact])[] = [
    ['a number', cared('a', 'User likes tea.'), cared('b', 'User likes tea, 3 cups.')],
    ['a number in words', cared('a', 'User likes tea.'), cared('b', 'User likes tea, three cups.')],
    ['a name', cared('a', 'User likes tea with milk.'), cared('b', 'User likes tea with Bruno.')],
    ['a date', cared('a', 'User likes tea.'), cared('b', 'User likes tea on mondays.')],
    ['a negation', cared('a', 'User likes tea.'), cared('b', 'User never likes tea.')],
    ['a link', cared('a', 'User likes tea.'), cared('b', 'User likes tea https://tea.example/x')],
    ['another script', cared('a', 'User likes tea.'), cared('b', 'User likes tea 抹茶.')],
    ['a German noun', cared('a', 'User mag tea.'), cared('b', 'User mag tea Kanne.')],
    ['another value', cared('a', 'User likes tea.'), cared('b', 'User likes green tea.', { value: 'green tea' })],
    [
      'a direction',
      cared('a', 'User works before noon.', { value: 'before noon' }),
      cared('b', 'User works after noon.', { value: 'after noon' }),
    ],
    [
      'an amount',
      cared('a', 'User likes sun.', { value: 'sun' }),
      cared('b', 'User likes less sun.', { value: 'less sun' }),
    ],
    ['another subject', cared('a', 'User likes tea.'), cared('b', 'User likes tea.', { subject: 'Bo' })],
    [
      'an earlier beginning',
      cared('a', 'User likes tea 5.'),
      cared('b', 'User likes tea.', { validFrom: '2026-02-01' }),
    ],
    ['better trust', cared('a', 'User likes tea 5.', { trust: 'model_inference' }), cared('b', 'User likes tea.')],
    ['a dispute', cared('a', 'User likes tea.', { disputedWith: 'b' }), cared('b', 'User likes tea')],
    ['a later expiry', cared('a', 'User likes tea 5.', { expiresAt: '2027-01-01' }), cared('b', 'User likes tea.')],
    ['an observation', cared('a', 'User likes tea.', { kind: 'observation' }), cared('b', 'User likes tea')],
    ['a forgotten one', cared('a', '[forgotten]', { contentHash: '' }), cared('b', '[forgotten]', { contentHash: '' })],
  ];
  test.each(kept)('are not merged where that would lose %s', (_what, a, b) => {
    const gone = findNearDuplicates([a, b]).flatMap((merge) => merge.gone);
    expect(gone).not.toContain('b');
  });

  test('give the same merges in any order, and never chains', () => {
    const facts = ['a', 'b', 'c', 'd'].map((id, n) =>
      cared(id, `The user likes tea${'!'.repeat(n)}`, { validFrom: `2026-03-0${n + 1}T00:00:00.000Z` }),
    );
    expect(merged(...facts)).toEqual(['a <- b c d']);
    expect(merged(...facts.toReversed())).toEqual(['a <- b c d']);
  });
});

test('what is essential of a text is kept or missed, in several languages', () => {
  expect(losesNothing('Ana lives in Lisbon since 2019.', 'Ana lives in Lisbon')).toBe(true);
  expect(losesNothing('Ana lives in Lisbon', 'Ana lives in Lisbon since 2019.')).toBe(false);
  expect(losesNothing('Ana isst Fleisch', 'Ana isst kein Fleisch')).toBe(false);
  expect(losesNothing('Ana mange de la viande', 'Ana ne mange pas de viande')).toBe(false);
  expect(losesNothing('Ana no come carne', 'Ana come carne')).toBe(false);
  expect(losesNothing('A Ana não come carne', 'A Ana come carne')).toBe(false);
  expect(losesNothing('uses `npm ci`', 'uses `npm i`')).toBe(false);
});

test('what nobody said is found', () => {
  const said = ['Ana prefers SMS.', 'Ana reads messages after 18:00.'];
  expect(inventedIn('Ana prefers short messages after 18:00.', said)).toEqual([]);
  expect(inventedIn('Ana prefers messages after 19:00.', said)).toEqual(['19 00']);
  expect(inventedIn('Ana and Bo prefer SMS.', said)).toEqual(['bo']);
});
