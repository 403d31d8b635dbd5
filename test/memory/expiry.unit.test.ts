import { describe, expect, test } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import { expiryOf } from '../../memory/expiry.ts';
import type { TimeToLive } from '../../memory/expiry.ts';
import { reconcile } from '../../memory/reconcile.ts';
import { hash, known, proposal } from './given.ts';

describe('an expiry', () => {
  test('is as many days after the words as the kind is recalled', () => {
    expect(expiryOf({ fact: 30 }, 'fact', '2026-03-01T10:00:00Z')).toBe('2026-03-31T10:00:00.000Z');
    expect(expiryOf({ fact: 0.5 }, 'fact', '2026-03-01T10:00:00Z')).toBe('2026-03-01T22:00:00.000Z');
    const forEver: readonly (TimeToLive | undefined)[] = [undefined, {}, { fact: null }, { fact: 1e12 }];
    for (const ttl of forEver) expect(expiryOf(ttl, 'fact', '2026-03-01T10:00:00Z')).toBeUndefined();
  });

  test('is a year for episodes and none for the rest, unless the agent says otherwise', () => {
    const plain = defineAgent({ name: 'a', instructions: '' }).memory;
    expect(plain.ttl).toEqual({ episode: 365, preference: null, fact: null, task_state: null, feedback: null });
    const own = defineAgent({ name: 'a', instructions: '', memory: { ttl: { episode: null, task_state: 14 } } }).memory;
    expect(own.ttl).toMatchObject({ episode: null, task_state: 14, fact: null });
  });

  test.each([
    { ttl: { episode: 0 } },
    { ttl: { fact: -1 } },
    { ttl: { rounds: 3 } },
    { ttl: 3 },
    { kinds: ['episode'] },
    { kinds: 'fact' },
  ])('or a choice of kinds that is none is refused by name: %j', (memory) => {
    expect(() => defineAgent({ name: 'a', instructions: '', memory: memory as never })).toThrow(
      expect.objectContaining({ code: 'AGENT_INVALID' }),
    );
  });
});

describe('a fact that expires', () => {
  const decide = (facts: readonly ReturnType<typeof known>[], ...proposals: readonly ReturnType<typeof proposal>[]) =>
    reconcile({
      ...{ scope: { user: 'ana' }, trust: 'direct_user', facts, procedures: [], proposals, hash },
      newId: (ordinal) => `new-${ordinal}`,
      expiresAt: (kind) => (kind === 'fact' ? '2027-01-01T00:00:00.000Z' : undefined),
    });

  test('is written with its expiry; other kinds without', () => {
    const { events } = decide([], proposal(), proposal({ kind: 'preference', relation: 'likes', value: 'tea' }));
    const expiries = events.map(({ data }) => ('expiresAt' in data ? data.expiresAt : null));
    expect(expiries).toEqual(['2027-01-01T00:00:00.000Z', null]);
  });

  test('is renewed when it is said again: it holds since the first words, and is recalled for longer', () => {
    const before = known('old', { value: 'Oslo', expiresAt: '2026-06-01T00:00:00.000Z' });
    const { events, outcomes } = decide([before], proposal());
    expect(outcomes).toMatchObject([{ outcome: 'superseding', id: 'new-0' }]);
    expect(events).toMatchObject([
      { type: 'FactAsserted', data: { fact: 'new-0', replaces: 'old', validFrom: before.validFrom } },
      { type: 'FactSuperseded', data: { fact: 'old', by: 'new-0', validTo: '2026-04-01T00:00:00.000Z' } },
    ]);
    expect(decide([known('old', { value: 'Oslo' })], proposal()).events).toMatchObject([{ type: 'FactConfirmed' }]);
  });
});
