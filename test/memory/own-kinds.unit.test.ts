import { describe, expect, test } from 'vitest';
import { findNearDuplicates } from '../../memory/consolidate/near-duplicates.ts';
import { factHash, type KnownFact } from '../../memory/reconcile.ts';
import { decide, hash, known, proposal } from './given.ts';

const address = (label: string, city: string, keyFields?: readonly string[]) =>
  proposal({
    ...{ kind: 'address', relation: 'address', data: { label, city }, value: `${label} ${city}` },
    ...{ text: `Parcels go to ${city}.`, ...(keyFields ? { keyFields } : {}) },
  });
const stored = (fact: string, label: string, city: string, key: string | null): KnownFact => {
  const { kind, relation, data, value, text } = address(label, city);
  const contentHash = factHash({ kind, subject: 'user', relation, value, text, data }, hash);
  return known(fact, { kind, relation, data, value, text, contentHash, key });
};

describe('typed values', () => {
  test('are the same whatever the order, the case and the spacing of their fields', () => {
    const facts = [stored('a', 'home', 'Lisbon', null)];
    const again = { ...address('home', 'Lisbon'), data: { city: ' LISBON', label: 'Home' }, text: 'Other words.' };
    expect(decide({ facts }, again).said).toEqual([['duplicate', 'a']]);
    expect(decide({ facts }, address('home', 'Oslo')).said).toEqual([['stored', 'new-0']]);
  });

  test('end the older one of the same key, and no other', () => {
    const facts = [stored('home', 'home', 'Lisbon', '["home"]'), stored('work', 'work', 'Lisbon', '["work"]')];
    const { events, said } = decide({ facts }, address('Home', 'Oslo', ['label']));
    expect(said).toEqual([['superseding', 'new-0']]);
    expect(events).toMatchObject([
      { type: 'FactAsserted', data: { kind: 'address', data: { label: 'Home', city: 'Oslo' }, key: '["home"]' } },
      { type: 'FactSuperseded', data: { fact: 'home', by: 'new-0' } },
    ]);
    // Without fields: one at a time.
    const one = decide({ facts: [stored('x', 'home', 'Lisbon', '[]')] }, address('work', 'Oslo', []));
    expect(one.said).toEqual([['superseding', 'new-0']]);
  });

  test('stand on their own without a key, unless one is named that is to be replaced', () => {
    const facts = [stored('a', 'home', 'Lisbon', null), stored('b', 'home', 'Rome', null)];
    expect(decide({ facts }, address('home', 'Oslo')).said).toEqual([['stored', 'new-0']]);
    const { events } = decide({ facts }, { ...address('home', 'Oslo'), action: 'supersede', target: 'b' });
    expect(events).toMatchObject([{ type: 'FactAsserted' }, { type: 'FactSuperseded', data: { fact: 'b' } }]);
  });

  test('and facts in words never retire each other', () => {
    const facts = [stored('typed', 'home', 'Lisbon', '[]'), known('words', { relation: 'lives_in' })];
    expect(decide({ facts }, proposal({ relation: 'address', value: 'Oslo' })).said).toEqual([['stored', 'new-0']]);
    const typed = { ...address('home', 'Oslo', []), relation: 'lives_in' };
    expect(decide({ facts }, typed).events).toMatchObject([
      { type: 'FactAsserted' },
      { type: 'FactSuperseded', data: { fact: 'typed' } },
    ]);
  });

  test('are not merged because their words look alike', () => {
    const cared = (one: KnownFact) => ({
      ...{ ...one, confidence: 1, disputedWith: null, expiresAt: null, position: 1, sources: [] },
    });
    const alike = [stored('a', 'home', 'Lisbon', null), stored('b', 'home', 'Lisbon', null)];
    expect(findNearDuplicates(alike.map(cared))).toEqual([]);
    const words = alike.map(({ data: _data, ...one }) => cared(one));
    expect(findNearDuplicates(words)).toHaveLength(1);
  });
});
