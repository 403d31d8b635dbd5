import { expect, test } from 'vitest';
import { foldFacts } from '../../bench/contradictions/fold-facts.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import { reconcile } from '../../memory/reconcile.ts';
import { readViews } from '../../projections/read-views.ts';
import { listFacts, readKnownFacts, readPastFacts } from '../../projections/semantic/queries.ts';
import { hash, proposal } from '../memory/given.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const scope = { user: 'ana' };
const day = (n: number): string => new Date(Date.UTC(2026, 0, 1 + n)).toISOString();

test('as of each position, the views say what the events up to there say', async () => {
  const tenant = await database.store.tenantNumber('default');
  const stream = streams.memory(scope);
  // Learnt of out of order, with a stay, a return, a retraction and things of which there may be many.
  const told = [
    proposal({ value: 'Lisbon', validFrom: day(90) }),
    proposal({ value: 'Oslo', validFrom: day(10) }),
    proposal({ value: 'Rome', validFrom: day(50) }),
    proposal({ value: 'Bern', validFrom: day(30) }),
    proposal({ value: 'Kyoto', validFrom: day(20), validTo: day(25) }),
    proposal({ relation: 'plays', value: 'piano', validFrom: day(1) }),
    proposal({ value: 'Oslo', validFrom: day(120) }),
    proposal({ relation: 'plays', value: 'piano', action: 'retract', validFrom: day(130) }),
    proposal({ value: 'oslo', validFrom: day(140) }),
  ];
  const events: MemoryEvent[] = [];
  const heads = [0];
  for (const [at, one] of told.entries()) {
    const decided = await readViews(database.pool, tenant, async (reader) =>
      reconcile({
        scope,
        trust: 'direct_user',
        facts: [...(await readPastFacts(reader, scope)), ...(await readKnownFacts(reader, scope))],
        procedures: [],
        proposals: [one],
        hash,
        newId: () => `f${at}`,
      }),
    );
    expect(decided.outcomes[0]?.outcome, `proposal ${at}`).not.toBe('rejected');
    const { lastPosition } = await database.store.append('default', {
      id: `told/${at}`,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: decided.events.map((event) => ({ ...event, stream })),
    });
    events.push(...decided.events);
    heads.push(lastPosition);
  }
  const spell = (facts: readonly { fact: string; value: string; from: string; to: string | null }[]): string[] =>
    facts.map(({ fact, value, from, to }) => `${fact} ${value} ${from} ${to}`).sort();
  let seen = 0;
  for (const position of heads) {
    const rows = await readViews(database.pool, tenant, (reader) => listFacts(reader, { reader: scope, past: true }), {
      at: position,
    });
    const folded = foldFacts(events.slice(0, position - (heads[1] ?? 1) + 1));
    if (position !== 0) seen += folded.length;
    const expected = position === 0 ? [] : folded;
    expect(
      spell(rows.map((row) => ({ ...row, from: row.validFrom.toISOString(), to: row.validTo?.toISOString() ?? null }))),
      `at ${position}`,
    ).toEqual(spell(expected.map((fact) => ({ ...fact, from: fact.validFrom, to: fact.validTo }))));
  }
  expect(seen).toBeGreaterThan(20);
  const times = foldFacts(events).filter(({ relation }) => relation === 'lives_in');
  expect(times.map(({ value, validFrom, validTo }) => [value, validFrom, validTo])).toEqual([
    ['Lisbon', day(90), day(120)],
    ['Oslo', day(10), day(30)],
    ['Rome', day(50), day(90)],
    ['Bern', day(30), day(50)],
    ['Kyoto', day(20), day(25)],
    ['Oslo', day(120), null],
  ]);
});
