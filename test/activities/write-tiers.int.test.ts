import { describe, expect, test } from 'vitest';
import { decidePending } from '../../client/pending.ts';
import type { ClientContext } from '../../client/send-turn.ts';
import { defineAgent } from '../../agents/index.ts';
import { listPending } from '../../projections/proposals/queries.ts';
import type { PendingRow } from '../../projections/proposals/queries.ts';
import { readViews } from '../../projections/read-views.ts';
import { countTypes, readLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { withExtraction } from './extract-rig.ts';

const database = withDatabase();
const rig = withExtraction(database);
const agents = (writes: NonNullable<Parameters<typeof defineAgent>[0]['memory']>['writes']) => ({
  agents: new Map([
    [
      'rules',
      defineAgent({
        name: 'rules',
        instructions: '',
        memory: { extractor: 'rules', ...(writes === undefined ? {} : { writes }) },
      }),
    ],
  ]),
  agent: 'rules',
});
// Temporal is no part of deciding.
const context = (): ClientContext =>
  ({ tenant: 'default', store: database.store, pool: database.pool }) as Partial<ClientContext> as ClientContext;
const by = { actor: 'lead', reason: 'checked' };

async function pending(user: string): Promise<PendingRow[]> {
  const tenant = await database.store.tenantNumber('default');
  return readViews(database.pool, tenant, (reader) => listPending(reader, { scope: { user } }));
}

async function ask(user: string, message: string, writes: Parameters<typeof agents>[0] = 'queue'): Promise<string> {
  const turn = await rig.say(user, message, 'rules');
  await rig.extract(turn, user, agents(writes));
  return turn;
}

async function first(user: string): Promise<string> {
  const [row] = await pending(user);
  if (!row) throw new Error(`Nothing of ${user} waits.`);
  return row.proposal;
}

describe('what an agent may write', () => {
  test('is decided kind by kind, and the record of the extraction says what became of each', async () => {
    const turn = await ask('ana', 'I live in Lisbon. I like tea.', { fact: 'queue', preference: 'auto' });
    expect((await rig.facts('ana')).map(({ kind }) => kind)).toEqual(['preference']);
    const [waits, ...more] = await pending('ana');
    expect(more).toEqual([]);
    expect(waits).toMatchObject({ kind: 'fact', value: 'Lisbon', agent: 'rules', scope: { user: 'ana' } });
    const { outcomes } = await rig.completed(turn);
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(['pending', 'stored']);
    expect(outcomes.find(({ outcome }) => outcome === 'pending')).toMatchObject({
      id: waits?.proposal,
      reason: 'not stored: it waits for a person (new)',
    });
  });

  test('is refused with the reason where nothing may be written', async () => {
    const turn = await ask('bo', 'I live in Lisbon.', 'block');
    expect([await rig.facts('bo'), await pending('bo')]).toEqual([[], []]);
    expect((await rig.completed(turn)).outcomes).toMatchObject([
      { outcome: 'rejected', reason: 'not stored: the agent may not write a fact' },
    ]);
  });

  test('waits once, however often it is said', async () => {
    await ask('cy', 'I live in Lisbon.');
    const turn = await ask('cy', 'I live in Lisbon.');
    expect(await pending('cy')).toHaveLength(1);
    expect((await rig.completed(turn)).outcomes).toMatchObject([{ outcome: 'pending', id: await first('cy') }]);
  });
});

describe('a decision about a memory that waits', () => {
  test('writes it against what is known by then, with a receipt', async () => {
    await ask('di', 'I live in Lisbon.');
    const proposal = await first('di');
    // Meanwhile something else was learnt, by an agent that may write.
    await ask('di', 'I live in Oslo.', 'auto');
    const decided = await decidePending(context(), proposal, { ...by, decision: 'approve' });
    expect(decided).toMatchObject({ applied: true, decision: 'approve', actor: 'lead' });
    expect(decided.outcome?.outcome).toBe('historical');
    expect((await rig.facts('di')).map(({ value }) => value)).toEqual(['Oslo']);
    expect((await rig.facts('di', true)).map(({ value }) => value).toSorted()).toEqual(['Lisbon', 'Oslo']);
    expect(await pending('di')).toEqual([]);
  });

  test('happens once: the first stands, and the others get it', async () => {
    await ask('ed', 'I live in Lisbon.');
    const proposal = await first('ed');
    const all = await Promise.all(
      ['lead', 'mia', 'noa', 'lead'].map((actor, n) =>
        decidePending(context(), proposal, { actor, reason: 'x', decision: n === 1 ? 'reject' : 'approve' }),
      ),
    );
    const [one] = all;
    for (const { applied: _applied, ...rest } of all) {
      const { applied: _own, ...expected } = one ?? { applied: false };
      expect(rest).toEqual(expected);
    }
    for (const [n, { applied, actor, decision }] of all.entries())
      expect(applied).toBe(
        actor === ['lead', 'mia', 'noa', 'lead'][n] && decision === (n === 1 ? 'reject' : 'approve'),
      );
    expect(all.some(({ applied }) => applied)).toBe(true);
    expect(await rig.facts('ed')).toHaveLength(one?.decision === 'approve' ? 1 : 0);
    const events = (await readLog(database.admin)).filter((event) => JSON.stringify(event).includes(proposal));
    expect(countTypes(events)).toMatchObject({ MemoryProposed: 1, ProposalDecided: 1 });
  });

  test.each(['rules', 'agent:rules', ' Agent:Rules', 'fay', 'user:fay', 'extraction'])(
    'is not an approval by %j, from whom it came; anybody may reject',
    async (actor) => {
      if ((await pending('fay')).length === 0) await ask('fay', 'I live in Lisbon.');
      const proposal = await first('fay');
      const turn = (await pending('fay'))[0]?.source.turn ?? '';
      for (const name of [actor, turn, `turn:${turn}`])
        await expect(
          decidePending(context(), proposal, { actor: name, reason: 'x', decision: 'approve' }),
        ).rejects.toMatchObject({ code: 'PROPOSER_APPROVES' });
      expect([(await pending('fay')).length, await rig.facts('fay')]).toEqual([1, []]);
      if (actor !== 'extraction') return;
      await decidePending(context(), proposal, { actor, reason: 'x', decision: 'reject' });
      expect([await pending('fay'), await rig.facts('fay')]).toEqual([[], []]);
    },
  );

  test('is none about what never waited, and none without an actor', async () => {
    await expect(decidePending(context(), 'p-none', { ...by, decision: 'approve' })).rejects.toMatchObject({
      code: 'PROPOSAL_NOT_FOUND',
    });
    await expect(
      decidePending(context(), 'p-none', { actor: ' ', reason: '', decision: 'reject' }),
    ).rejects.toMatchObject({ code: 'INVALID_DECISION' });
  });
});
