import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HoldfastClient } from '../../client/index.ts';
import { createClient } from '../../client/index.ts';
import { forgetUser } from '../../client/forget-user.ts';
import { localKeyWrapper } from '../../eventstore/index.ts';
import type { MemoryEvent, ToolCompleted } from '../../memory/events.ts';
import { forkOf } from '../../memory/scope.ts';
import type { Scope } from '../../memory/scope.ts';
import { subjectsOf } from '../../memory/subject.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { examples } from '../golden/examples.ts';
import { liveAndFresh } from '../support/fold-afresh.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const keyWrapper = localKeyWrapper(testMasterKey);
let client: HoldfastClient;
let sent = 0;

beforeAll(async () => {
  client = await createClient({
    database: { url: database.url },
    temporal: { address: '127.0.0.1:1' },
    tenant: 'acme',
    keyWrapper,
  });
});
afterAll(() => client.close());

async function append(subject: Scope, ...events: readonly MemoryEvent[]): Promise<number> {
  sent += 1;
  const { lastPosition } = await database.store.append('acme', {
    id: `c${sent}`,
    streams: [{ name: 's', expectedVersion: 'any' }],
    events: events.map((event) => ({ ...event, stream: 's', subjects: subjectsOf(subject) })),
  });
  return lastPosition;
}

function learnt(procedure: string, version: number, scope: Scope, text: string): MemoryEvent {
  const data = {
    ...examples.ProcedureLearned,
    procedure,
    version,
    scope,
    text,
    contentHash: `${procedure}/${version}`,
  };
  return { type: 'ProcedureLearned', data: { ...data, goal: `goal of ${procedure}` } };
}

/** A turn that had a version in its prompt at its second step, and what its tool came to after that. */
async function used(
  turn: string,
  {
    procedure,
    version,
    outcome,
    branch = 'main',
  }: {
    readonly procedure: string;
    readonly version: number;
    readonly outcome: ToolCompleted['data']['outcome'];
    readonly branch?: string;
  },
): Promise<void> {
  const ref = { thread: 't', branch, turn };
  const step = (number: number, items: readonly object[]): MemoryEvent => ({
    type: 'StepCompleted',
    data: {
      ...examples.StepCompleted,
      ...{ ...ref, step: number, toolCalls: [], text: null },
      retrieval: {
        ...{ query: 'q', position: 1, embedder: 'm', channels: {}, tokens: 1, durationMs: 1, degraded: [] },
        items: items as never,
      },
    },
  });
  const call = (number: number, came: ToolCompleted['data']['outcome']): MemoryEvent => ({
    type: 'ToolCompleted',
    data: { ...examples.ToolCompleted, ...ref, step: number, ordinal: 0, tool: 'wrap', outcome: came },
  });
  const item = { kind: 'procedure', score: 1, ranks: {}, factors: {}, reason: '', rejected: null, version };
  await append(
    { user: 'ana' },
    step(1, [{ ...item, id: procedure, label: null, rejected: 'no room' }]),
    // Before it was in the prompt: not its doing.
    call(1, outcome === 'ok' ? 'failed' : 'ok'),
    step(2, [{ ...item, id: procedure, label: 'm1' }]),
    step(3, [{ ...item, id: procedure, label: 'm1' }]),
    call(3, outcome),
    { type: 'TurnCompleted', data: { ...ref, steps: 3 } },
  );
}

const by = { actor: 'user:ana', reason: 'it tears the paper' };
const scope = { user: 'ana' };

async function recalled(query: string, from: Scope = scope): Promise<string[]> {
  const { items } = await client.memory.search({ query, scope: from });
  return items.filter(({ kind, rejected }) => kind === 'procedure' && rejected === null).map(({ text }) => text);
}

describe('a how-to of two versions', () => {
  beforeAll(async () => {
    await append(scope, learnt('wrap', 1, scope, 'Wrap a present in paper.'));
    await append(scope, learnt('wrap', 2, scope, 'Wrap a present in foil.'));
    await used('u1', { procedure: 'wrap', version: 1, outcome: 'ok' });
    await used('u2', { procedure: 'wrap', version: 2, outcome: 'failed' });
    await used('u3', { procedure: 'wrap', version: 2, outcome: 'ok' });
  });

  test('lists both with what became of the turns that had them, each turn once', async () => {
    const [row] = await client.memory.procedures({ scope });
    expect(row).toMatchObject({
      ...{ procedure: 'wrap', goal: 'goal of wrap', version: 2 },
      versions: [
        { version: 1, status: 'superseded', successes: 1, failures: 0, unknown: 0, rollback: null },
        { version: 2, status: 'stands', successes: 1, failures: 1, unknown: 0, sources: [{ turn: 'refund-1' }] },
      ],
    });
    expect(await client.memory.procedures({ scope: { user: 'an' } })).toEqual([]);
  });

  test('uses in a fork count there and not outside of it', async () => {
    const fork = forkOf({ thread: 't', branch: 'counted' }) ?? '';
    const position = await append({ user: 'zoe' }, learnt('other', 1, { user: 'zoe' }, 'Something else.'));
    await append(scope, {
      type: 'BranchForked',
      data: {
        ...examples.BranchForked,
        ...{ thread: 't', branch: 'counted', parent: 'main', position },
        changes: { ...examples.BranchForked.changes, removed: [], removedBlocks: [] },
      },
    });
    await used('u4', { procedure: 'wrap', version: 2, outcome: 'failed', branch: 'counted' });
    await used('u5', { procedure: 'wrap', version: 2, outcome: 'failed' });
    const inFork = await client.memory.procedures({ scope: { ...scope, fork } });
    expect(inFork[0]?.versions[1]).toMatchObject({ successes: 1, failures: 2 });
    const outside = await client.memory.procedures({ scope });
    expect(outside[0]?.versions[1]).toMatchObject({ successes: 1, failures: 2 });

    // Rolled back in the fork alone.
    await client.memory.rollbackProcedure({ procedure: 'wrap', to: 1, ...by, fork });
    expect(await recalled('present', { ...scope, fork })).toEqual(['Wrap a present in paper.']);
    expect(await recalled('present')).toEqual(['Wrap a present in foil.']);
  });

  test('goes back to the first: the second is not recalled, as of before it is; a repeat writes nothing', async () => {
    const before = (await client.memory.procedures({ scope }))[0]?.versions[1]?.position ?? 0;
    const row = await client.memory.rollbackProcedure({ procedure: 'wrap', to: 1, ...by });
    expect(row).toMatchObject({
      version: 1,
      versions: [{ status: 'stands' }, { status: 'rolled_back', rollback: { actor: by.actor, reason: by.reason } }],
    });
    expect(await recalled('present')).toEqual(['Wrap a present in paper.']);
    const then = await client.memory.search({ query: 'present', scope, at: before });
    expect(then.items.map(({ text }) => text)).toContain('Wrap a present in foil.');
    expect((await client.memory.procedures({ scope, at: before }))[0]).toMatchObject({ version: 2 });
    expect(await client.memory.rollbackProcedure({ procedure: 'wrap', to: 1, ...by })).toEqual(row);
  });

  test('of many who roll back at once all get the same; the log has one event', async () => {
    await append(scope, learnt('tie', 1, scope, 'Tie a ribbon once.'), learnt('tie', 2, scope, 'Tie a ribbon twice.'));
    const all = await Promise.all(
      Array.from({ length: 5 }, () => client.memory.rollbackProcedure({ procedure: 'tie', to: 1, ...by })),
    );
    expect(new Set(all.map(({ version }) => version))).toEqual(new Set([1]));
    const { rows } = await database.admin.query(
      `select from event e join command c using (tenant) where e.type = 'ProcedureRolledBack'
        and c.id like 'procedure/tie/%' and e.position between c.first_position and c.last_position`,
    );
    expect(rows).toHaveLength(1);
  });

  test('none stands with 0, and the second again with 2', async () => {
    expect(await client.memory.rollbackProcedure({ procedure: 'wrap', to: 0, ...by })).toMatchObject({ version: null });
    expect(await recalled('present')).toEqual([]);
    expect(await client.memory.rollbackProcedure({ procedure: 'wrap', to: 2, ...by })).toMatchObject({
      version: 2,
      versions: [{ status: 'rolled_back' }, { status: 'stands', rollback: null }],
    });
    expect(await recalled('present')).toEqual(['Wrap a present in foil.']);
  });

  test('refuses what makes no sense', async () => {
    const roll = (change: object) => client.memory.rollbackProcedure({ procedure: 'wrap', to: 1, ...by, ...change });
    await expect(roll({ procedure: 'nothing' })).rejects.toMatchObject({ code: 'PROCEDURE_NOT_FOUND' });
    await expect(roll({ to: 7 })).rejects.toMatchObject({ code: 'PROCEDURE_NOT_FOUND' });
    for (const change of [{ to: -1 }, { to: 1.5 }, { actor: '' }, { reason: ' ' }])
      await expect(roll(change)).rejects.toMatchObject({ code: 'INVALID_ROLLBACK' });
  });
});

test('a version that mostly fails is marked in the prompt and goes after its equal', async () => {
  const own = { user: 'bo' };
  await append(own, learnt('a-bad', 1, own, 'Press olives with the old press.'));
  await append(own, learnt('b-good', 1, own, 'Press olives with the new press.'));
  const search = () => client.memory.search({ query: 'press olives', scope: own });
  expect((await search()).items.map(({ id }) => id)).toEqual(['a-bad', 'b-good']);
  for (const turn of ['f1', 'f2', 'f3']) await used(turn, { procedure: 'a-bad', version: 1, outcome: 'failed' });
  const { items, lines } = await search();
  expect(items.map(({ id }) => id)).toEqual(['b-good', 'a-bad']);
  expect(items[1]).toMatchObject({ factors: { outcomes: 0.85 }, version: 1 });
  expect(items[0]?.factors).not.toHaveProperty('outcomes');
  expect(lines[1]).toContain('failed in 3 of 3 turns, take care');
  expect(lines[0]).not.toContain('failed');
});

test('what is forgotten is gone from rolled back versions too, and the views are those of a fresh fold', async () => {
  const receipt = await forgetUser(
    { adminUrl: database.url, tenant: 'acme', keyWrapper },
    { user: 'ana', actor: 'ops', reason: 'asked' },
  );
  expect(receipt.events).toBeGreaterThan(0);
  const { rows } = await database.admin.query<{ all: string }>(
    `select coalesce(json_agg(p)::text, '') || (select coalesce(json_agg(r)::text, '') from procedure_rollback r) as all from procedure p where scope_user = 'ana'`,
  );
  expect(rows[0]?.all).not.toMatch(/present|ribbon|tears/);
  expect(await recalled('present')).toEqual([]);
  await expect(client.memory.rollbackProcedure({ procedure: 'wrap', to: 1, ...by })).rejects.toMatchObject({
    code: 'INVALID_ROLLBACK',
  });
  const { live, fresh } = await liveAndFresh(database.admin, database.store, holdfastSchema, 'acme');
  expect(live).toEqual(fresh);
});
