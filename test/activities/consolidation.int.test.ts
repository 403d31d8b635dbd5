import { describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { mergeFacts } from '../../activities/merge-facts.ts';
import { planConsolidation } from '../../activities/plan-consolidation.ts';
import { retireFacts } from '../../activities/retire-facts.ts';
import { undoConsolidation } from '../../client/consolidate.ts';
import type { ClientContext } from '../../client/send-turn.ts';
import { listUsersToConsolidate } from '../../projections/care/queries.ts';
import { readViews } from '../../projections/read-views.ts';
import { assertFacts } from '../support/assert-facts.ts';
import { countTypes, readLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { withExtraction } from './extract-rig.ts';

const database = withDatabase();
const rig = withExtraction(database);
const now = '2026-06-01T00:00:00.000Z';
const scope = (user: string) => ({ user });
const activity = {
  ...{ signal: new AbortController().signal, attempt: 1, scheduledAt: 0 },
  workflow: { workflowId: '', runId: '' },
};
const ref = (user: string, run = `run of ${user}`) => ({ tenant: 'default', run, scope: scope(user), now });
const merge = (user: string) => ({
  ...ref(user),
  unit: { kind: 'merge', key: 'merge/a', keep: `${user}-a`, gone: [`${user}-b`, `${user}-c`] } as const,
});

async function twins(user: string): Promise<void> {
  await assertFacts(database.store, {
    scope: scope(user),
    facts: ['a', 'b', 'c'].map((id, n) => ({
      ...{ fact: `${user}-${id}`, value: 'tea', text: `The user likes tea${'!'.repeat(n)}` },
      validFrom: `2026-03-0${n + 1}T00:00:00.000Z`,
    })),
  });
}

const standing = async (user: string): Promise<string[]> => (await rig.facts(user)).map(({ fact }) => fact);

/** Does something right before the part's command, from the same process and so before it. */
function before(act: () => unknown): Partial<ActivityDeps> {
  let done = false;
  return {
    reached: (boundary) => {
      if (boundary !== 'consolidation.decided' || done) return;
      done = true;
      void act();
    },
  };
}

describe('a part of a run', () => {
  test('is committed once, however often it is asked for', async () => {
    await twins('ana');
    await mergeFacts(rig.deps(), merge('ana'), activity);
    await Promise.all([mergeFacts(rig.deps(), merge('ana'), activity), mergeFacts(rig.deps(), merge('ana'), activity)]);
    expect(await standing('ana')).toEqual(['ana-a']);
    expect(countTypes(await readLog(database.admin))).toMatchObject({ FactRetired: 2 });
  });

  test('is decided again when the scope changes under it: what ended meanwhile is not merged', async () => {
    await twins('bo');
    const ends = before(() =>
      database.store.append('default', {
        id: 'bo/over',
        streams: [{ name: 'memory/u=bo', expectedVersion: 'some' }],
        events: [
          {
            type: 'FactRetracted',
            stream: 'memory/u=bo',
            subjects: ['user:bo'],
            data: {
              ...{ fact: 'bo-b', validTo: now, reason: 'not any more' },
              source: { thread: 't', branch: 'main', turn: 'later', quote: 'not any more' },
            },
          },
        ],
      }),
    );
    await mergeFacts(rig.deps(ends), merge('bo'), activity);
    expect(await standing('bo')).toEqual(['bo-a']);
    const past = await rig.facts('bo', true);
    expect(past.find(({ fact }) => fact === 'bo-b')?.replacedBy).toBeNull();
    expect(past.find(({ fact }) => fact === 'bo-c')?.replacedBy).toBe('bo-a');
  });

  test('beside an extraction of the same user: both are whole, and nothing that was said is lost', async () => {
    await twins('cy');
    const turn = await rig.say('cy', 'I live in Lisbon. I like green tea.', 'rules');
    await Promise.all([
      rig.extract(turn, 'cy', { agent: 'rules' }),
      mergeFacts(rig.deps(), merge('cy'), activity),
      mergeFacts(rig.deps(), { ...merge('cy'), run: 'another of cy' }, activity),
    ]);
    const left = await rig.facts('cy');
    expect(left.filter(({ fact }) => fact.startsWith('cy-')).map(({ fact }) => fact)).toEqual(['cy-a']);
    expect(left.map(({ value }) => value)).toEqual(expect.arrayContaining(['tea', 'Lisbon', 'green tea']));
  });

  test('of a run that was undone in the middle is not committed any more', async () => {
    await twins('di');
    await assertFacts(database.store, {
      scope: scope('di'),
      facts: [{ fact: 'di-x', text: 'The user likes fog.', expiresAt: '2026-05-01T00:00:00.000Z' }],
    });
    await mergeFacts(rig.deps(), merge('di'), activity);
    const context = { tenant: 'default', store: database.store, pool: database.pool } as ClientContext;
    const row = await undoConsolidation(context, 'run of di', { actor: 'user:di' });
    expect(row).toMatchObject({ problems: ['UNDONE_BEFORE_ITS_END'], undone: { restored: ['di-b', 'di-c'] } });
    const retire = { kind: 'retire', key: 'retire', facts: [{ fact: 'di-x', why: 'expired' }] } as const;
    await retireFacts(rig.deps(), { ...ref('di'), unit: retire }, activity);
    expect(await standing('di')).toEqual(['di-a', 'di-x', 'di-b', 'di-c']);
    await retireFacts(rig.deps(), { ...ref('di', 'another of di'), unit: retire }, activity);
    expect(await standing('di')).toEqual(['di-a', 'di-b', 'di-c']);
  });

  test('writes nothing of somebody who was forgotten meanwhile, nor merges what is left of them', async () => {
    await twins('ed');
    const { units } = await planConsolidation(rig.deps(), ref('ed'));
    expect(units).toHaveLength(0);
    const { forgetUser } = await import('../../client/forget-user.ts');
    const { testKeyWrapper } = await import('../support/test-schema.ts');
    await forgetUser(
      { adminUrl: database.url, tenant: 'default', keyWrapper: testKeyWrapper },
      { user: 'ed', actor: 'user:ed', reason: 'asked' },
    );
    await mergeFacts(rig.deps(), merge('ed'), activity);
    const retired = (await readLog(database.admin)).filter(
      ({ type, data }) => type === 'FactRetired' && String(data['fact']).startsWith('ed-'),
    );
    expect(retired).toEqual([]);
  });
});

test('the schedule has work for users of whom something is new, page by page', async () => {
  await twins('fe');
  const tenant = await database.store.tenantNumber('default');
  const due = (after = '', limit = 100) =>
    readViews(database.pool, tenant, (reader) => listUsersToConsolidate(reader, { now: new Date(now), after, limit }));
  const all = await due();
  expect(all).toContain('fe');
  expect(await due('fe')).not.toContain('fe');
  expect(await due('', 2)).toEqual(all.slice(0, 2));
  const { completeConsolidation } = await import('../../activities/complete-consolidation.ts');
  await completeConsolidation(rig.deps(), { ...ref('fe'), refused: null, facts: 3, problems: [] });
  expect(await due()).not.toContain('fe');
  await assertFacts(database.store, { scope: scope('fe'), facts: [{ fact: 'fe-new', text: 'The user likes rain.' }] });
  expect(await due()).toContain('fe');
});
