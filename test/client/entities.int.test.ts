import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HoldfastClient, MergeReceipt } from '../../client/index.ts';
import { createClient } from '../../client/index.ts';
import { forgetUser } from '../../client/forget-user.ts';
import { createTenant, localKeyWrapper } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import type { Scope } from '../../memory/scope.ts';
import { forkOf } from '../../memory/scope.ts';
import { subjectsOf } from '../../memory/subject.ts';
import { decideProposals } from '../../projections/decide-write.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { readViews } from '../../projections/read-views.ts';
import { examples } from '../golden/examples.ts';
import { proposal } from '../memory/given.ts';
import { liveAndFresh } from '../support/fold-afresh.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const keyWrapper = localKeyWrapper(testMasterKey);
const scope = { user: 'ana' };
const by = { actor: 'user:ana', reason: 'Bob is what everybody calls him' };
let client: HoldfastClient;
let sent = 0;

const clientOf = (tenant: string): Promise<HoldfastClient> =>
  createClient({ database: { url: database.url }, temporal: { address: '127.0.0.1:1' }, tenant, keyWrapper });

beforeAll(async () => {
  client = await clientOf('acme');
});
afterAll(() => client.close());

async function append(where: Scope, events: readonly MemoryEvent[], tenant = 'acme'): Promise<number> {
  sent += 1;
  const stream = streams.memory(where);
  const { lastPosition } = await database.store.append(tenant, {
    id: `c${sent}`,
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: events.map((event) => ({ ...event, stream, subjects: subjectsOf(where) })),
  });
  return lastPosition;
}

/** Facts as `id|subject|relation|value`, with when they ended. */
const facts = (where: Scope, ...lines: readonly string[]): MemoryEvent[] =>
  lines.map((line) => {
    const [fact = '', subject = '', relation = '', value = '', until] = line.split('|');
    const text = `${subject} ${relation} ${value}.`;
    const { expiresAt: _never, data: _data, key: _key, ...example } = examples.FactAsserted;
    const times = {
      validFrom: '2026-03-01T00:00:00.000Z',
      validTo: until === undefined ? null : `${until}T00:00:00.000Z`,
    };
    return {
      type: 'FactAsserted',
      data: {
        ...{ ...example, ...times, scope: where, fact, subject, relation, value, text },
        ...{ contentHash: `hash ${fact}`, replaces: null, disputedWith: null, kind: 'fact' as const },
      },
    };
  });

/** Proposals decided against what is known, and written. */
async function say(where: Scope, ...said: readonly Parameters<typeof proposal>[0][]): Promise<(string | null)[][]> {
  sent += 1;
  const key = `said-${sent}`;
  const no = await database.store.tenantNumber('acme');
  const write = await readViews(database.pool, no, (reader) =>
    decideProposals(reader, {
      ...{ scope: where, trust: 'direct_user', key },
      proposals: said.map((one) => proposal({ validFrom: '2026-05-01T00:00:00.000Z', ...one })),
    }),
  );
  if (write.events.length > 0)
    await database.store.append('acme', {
      id: key,
      streams: [{ name: write.stream, expectedVersion: write.expectedVersion }],
      events: write.events,
    });
  return write.outcomes.map(({ outcome, id }) => [outcome, id]);
}

/** Everything there is to see of a scope's entities, as one text. */
async function seen(from: Scope, at?: number): Promise<string> {
  const rows = await client.memory.entities({ scope: from, ...(at === undefined ? {} : { at }) });
  const each = await Promise.all(
    rows.map(({ entity }) => client.memory.entity({ entity, scope: from, ...(at === undefined ? {} : { at }) })),
  );
  return JSON.stringify(each, null, 1);
}
const names = async (from: Scope, at?: number): Promise<string[]> =>
  (await client.memory.entities({ scope: from, ...(at === undefined ? {} : { at }) })).map(({ name, aliases }) =>
    [name, ...aliases].join(' = '),
  );

describe('entities of a user', () => {
  const before = { text: '', position: 0, merge: '' };

  beforeAll(async () => {
    before.position = await append(
      scope,
      facts(
        scope,
        'f1|Robert Müller|works_at|Acme|2026-04-01',
        'f2|robert muller|works_at|Globex',
        'f3|Bob|lives_in|Oslo',
        'f4|user|friend|Bob',
        'f5|user|shoe_size|43',
      ),
    );
    before.text = await seen(scope);
  });

  test('are what facts name, each with its facts over time and who said them', async () => {
    expect(await names(scope)).toEqual(['Acme', 'Bob', 'Globex', 'Oslo', 'Robert Müller = robert muller', 'user']);
    const robert = await client.memory.entity({ entity: 'ROBERT MÜLLER', scope });
    expect(robert).toMatchObject({
      kind: 'person',
      facts: ['f1', 'f2'],
      merges: [],
      relations: [
        { relation: 'works_at', direction: 'of', other: { name: 'Acme' }, fact: { fact: 'f1' } },
        { relation: 'works_at', direction: 'of', other: { name: 'Globex' }, fact: { fact: 'f2', validTo: null } },
      ],
    });
    expect(robert.relations[0]?.fact).toMatchObject({
      validTo: new Date('2026-04-01'),
      sources: [{ turn: examples.FactAsserted.source.turn }],
    });
    expect((await client.memory.entities({ scope, kind: 'place' })).map(({ name }) => name)).toEqual(['Oslo']);
  });

  test('are one once they are merged, by name or id, and no fact has changed', async () => {
    const list = JSON.stringify(await client.memory.list({ scope, past: true }));
    const bob = await client.memory.entity({ entity: 'Bob', scope });
    const receipt = await client.memory.mergeEntities({ into: 'Robert Müller', entities: [bob.entity], scope, ...by });
    before.merge = receipt.merge;
    expect(receipt).toMatchObject({ applied: true });
    const merged = await client.memory.entity({ entity: bob.entity, scope });
    expect(merged).toMatchObject({
      ...{ name: 'Robert Müller', aliases: ['Bob', 'robert muller'], facts: ['f1', 'f2', 'f3', 'f4'] },
      merges: [{ merge: receipt.merge, into: 'Robert Müller', names: ['Bob'], ...by, scope }],
    });
    expect(merged.relations.map(({ relation, direction }) => `${relation} ${direction}`)).toContain('friend to');
    expect(JSON.stringify(await client.memory.list({ scope, past: true }))).toBe(list);
    // As of before it they are two.
    expect(await seen(scope, before.position)).toBe(before.text);
  });

  test('merged again, by whatever name, writes nothing', async () => {
    const count = async (): Promise<unknown> => (await database.admin.query('select count(*) from event')).rows[0];
    const head = await count();
    for (const [into, other] of [
      ['Robert Müller', 'Bob'],
      ['Bob', 'robert muller'],
    ] as const)
      expect(await client.memory.mergeEntities({ into, entities: [other], scope, ...by })).toEqual({
        ...{ merge: before.merge, applied: false, position: 0 },
      });
    expect(await count()).toEqual(head);
  });

  test('are one subject for what is said from then on, in the words it was said with', async () => {
    // A repeat under the other name; a move that ends what was said under the other name.
    expect(await say(scope, { subject: 'Bob', relation: 'employer', value: 'Globex' })).toEqual([['duplicate', 'f2']]);
    const [moved] = await say(scope, { subject: 'Robert Müller', relation: 'lives_in', value: 'Bergen' });
    expect(moved?.[0]).toBe('superseding');
    const bergen = await client.memory.get({ memory: moved?.[1] ?? '', scope });
    expect(bergen).toMatchObject({ subject: 'Robert Müller', replaces: 'f3' });
    expect(await say(scope, { subject: 'user', relation: 'friend', value: 'Robert Müller' })).toEqual([
      ['duplicate', 'f4'],
    ]);
    await client.memory.retract({ memories: [bergen.fact], scope, ...by });
  });

  test('are two again once it is taken back, twice is once, and nothing joins them any more', async () => {
    const text = await seen(scope, before.position);
    const split = await client.memory.splitEntity({ merge: before.merge, scope, actor: 'user:ana', reason: 'cousins' });
    expect(split).toMatchObject({ merge: before.merge, applied: true });
    expect(await client.memory.splitEntity({ merge: before.merge, scope, ...by })).toMatchObject({ applied: false });
    expect(await names(scope)).toContain('Bob');
    expect(await seen(scope, before.position)).toBe(text);
    const [other] = await say(scope, { subject: 'Bob', relation: 'employer', value: 'Globex' });
    expect(other?.[0]).toBe('stored');
  });

  test('refuse what makes no sense', async () => {
    const merge = (change: object) =>
      client.memory.mergeEntities({ into: 'Bob', entities: ['Oslo'], scope, ...by, ...change });
    await expect(merge({ entities: ['Nobody'] })).rejects.toMatchObject({ code: 'ENTITY_NOT_FOUND' });
    await expect(merge({ scope: { user: 'an' } })).rejects.toMatchObject({ code: 'ENTITY_NOT_FOUND' });
    for (const change of [
      { entities: [] },
      { entities: ['bob'] },
      { actor: '' },
      { reason: ' ' },
      { idempotencyKey: '' },
    ])
      await expect(merge(change)).rejects.toMatchObject({ code: 'INVALID_MERGE' });
    const split = (change: object) => client.memory.splitEntity({ merge: before.merge, scope, ...by, ...change });
    await expect(split({ merge: 'g-0' })).rejects.toMatchObject({ code: 'MERGE_NOT_FOUND' });
    // In its own scope only.
    await expect(split({ scope: { ...scope, agent: 'a' } })).rejects.toMatchObject({ code: 'MERGE_NOT_FOUND' });
    await expect(client.memory.entity({ entity: 'Nobody', scope })).rejects.toMatchObject({ code: 'ENTITY_NOT_FOUND' });
  });
});

test('merge and split leave the entities as they were, byte for byte', async () => {
  const own = { user: 'bo' };
  await append(own, facts(own, 'b1|Tom|lives_in|Oslo', 'b2|Thomas|works_at|Acme', 'b3|Tommy|likes|tea'));
  const first = await client.memory.mergeEntities({ into: 'Thomas', entities: ['Tom'], scope: own, ...by });
  const before = await seen(own);
  const second = await client.memory.mergeEntities({ into: 'Tommy', entities: ['Thomas'], scope: own, ...by });
  expect(await names(own)).toContain('Tommy = Thomas = Tom');
  await client.memory.splitEntity({ merge: second.merge, scope: own, ...by });
  expect(await seen(own)).toBe(before);
  await client.memory.splitEntity({ merge: first.merge, scope: own, ...by });
  expect(await names(own)).toEqual(['Acme', 'Oslo', 'Thomas', 'Tom', 'Tommy']);
});

test('any merges and splits leave what the merges that stand come to', async () => {
  const people = ['Ana', 'Ben', 'Cem', 'Dia', 'Eli'];
  const step = fc.oneof(
    fc.record({ into: fc.constantFrom(...people), other: fc.constantFrom(...people) }),
    fc.record({ undo: fc.nat(9) }),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      run += 1;
      const [own, twin] = [{ user: `random-${run}` }, { user: `plain-${run}` }];
      for (const where of [own, twin])
        await append(where, facts(where, ...people.map((name) => `${where.user}-${name}|${name}|likes|tea`)));
      const plain = await seen(own);
      const standing: { merge: string; into: string; other: string }[] = [];
      for (const one of steps) {
        if ('undo' in one) {
          const [taken] = standing.splice(one.undo % Math.max(1, standing.length), 1);
          if (taken) await client.memory.splitEntity({ merge: taken.merge, scope: own, ...by });
        } else if (one.into !== one.other) {
          const { into, other } = one;
          const receipt = await client.memory.mergeEntities({ into, entities: [other], scope: own, ...by });
          if (receipt.applied) standing.push({ merge: receipt.merge, into, other });
        }
      }
      // Somebody of whom only those merges were ever made.
      for (const { into, other } of standing)
        await client.memory.mergeEntities({ into, entities: [other], scope: twin, ...by });
      expect(await names(own)).toEqual(await names(twin));
      for (const { merge } of standing) await client.memory.splitEntity({ merge, scope: own, ...by });
      expect(await seen(own)).toBe(plain);
    }),
    { numRuns: 12 },
  );
}, 120_000);

test('of many who merge at once one does, in a ring too, and a key is one call for ever', async () => {
  const own = { user: 'cy' };
  await append(own, facts(own, 'y1|A|likes|tea', 'y2|B|likes|tea', 'y3|C|likes|tea'));
  const ring = [
    ['A', 'B'],
    ['B', 'C'],
    ['C', 'A'],
  ] as const;
  const all = await Promise.all(
    [...ring, ...ring].map(([into, other]) =>
      client.memory.mergeEntities({ into, entities: [other], scope: own, ...by, actor: `user:${into}` }),
    ),
  );
  // Two merges make one of three; the third of the ring finds them one. A repeat of the same call is the same merge.
  expect(new Set(all.filter(({ applied }) => applied).map(({ merge }) => merge)).size).toBe(2);
  expect((await names(own)).length).toBe(1);
  const once: MergeReceipt[] = [];
  await append(own, facts(own, 'y4|D|likes|tea'));
  for (let n = 0; n < 2; n++)
    once.push(
      ...(await Promise.all(
        [1, 2, 3].map(() =>
          client.memory.mergeEntities({ into: 'A', entities: ['D'], scope: own, ...by, idempotencyKey: 'k1' }),
        ),
      )),
    );
  expect(new Set(once.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
  const key = { idempotencyKey: 'k2' };
  const merge = once[0]?.merge ?? '';
  const split = await client.memory.splitEntity({ merge, scope: own, ...by, ...key });
  expect(await client.memory.splitEntity({ merge, scope: own, ...by, ...key })).toEqual(split);
  // The merge that was made under the key is not made again.
  await client.memory.mergeEntities({ into: 'A', entities: ['D'], scope: own, ...by, idempotencyKey: 'k1' });
  expect(await names(own)).toContain('D');
});

test('a merge in a fork is the fork’s, as is taking one back there', async () => {
  const own = { user: 'di' };
  await append(own, facts(own, 'd1|Tom|likes|tea', 'd2|Thomas|likes|tea', 'd3|Tim|likes|tea'));
  const { merge } = await client.memory.mergeEntities({ into: 'Thomas', entities: ['Tom'], scope: own, ...by });
  const position = await append(own, facts(own, 'd4|Jo|likes|tea'));
  const fork = forkOf({ thread: 't', branch: 'what-if' }) ?? '';
  await append(own, [
    {
      type: 'BranchForked',
      data: {
        ...{ ...examples.BranchForked, thread: 't', branch: 'what-if', parent: 'main', position },
        changes: { ...examples.BranchForked.changes, removed: [], removedBlocks: [] },
      },
    },
  ]);
  const inFork = { ...own, fork };
  expect(await names(inFork)).toEqual(['Jo', 'Thomas = Tom', 'Tim']);
  await client.memory.splitEntity({ merge, scope: inFork, ...by });
  const there = await client.memory.mergeEntities({ into: 'Tim', entities: ['Tom'], scope: inFork, ...by });
  expect(await names(inFork)).toEqual(['Jo', 'Thomas', 'Tim = Tom']);
  expect(await names(own)).toEqual(['Jo', 'Thomas = Tom', 'Tim']);
  await expect(client.memory.splitEntity({ merge: there.merge, scope: own, ...by })).rejects.toMatchObject({
    code: 'MERGE_NOT_FOUND',
  });
});

test('another tenant with the same names has its own entities', async () => {
  await createTenant(database.url, 'globex');
  const other = await clientOf('globex');
  try {
    const own = { user: 'bo' };
    await append(own, facts(own, 'b1|Tom|lives_in|Rome', 'b2|Thomas|works_at|Acme'), 'globex');
    const { merge } = await other.memory.mergeEntities({ into: 'Thomas', entities: ['Tom'], scope: own, ...by });
    expect(await names(own)).toContain('Tom');
    await expect(client.memory.splitEntity({ merge, scope: own, ...by })).rejects.toMatchObject({
      code: 'MERGE_NOT_FOUND',
    });
  } finally {
    await other.close();
  }
});

test('what is forgotten names nobody, and the views are those of a fresh fold', async () => {
  const own = { user: 'ed' };
  await append(own, facts(own, 'e1|Secretname|lives_in|Oslo', 'e2|Othername|works_at|Acme'));
  const merge = { into: 'Secretname', entities: ['Othername'], scope: own, actor: 'ops', idempotencyKey: 'forgotten' };
  const made = await client.memory.mergeEntities({ ...merge, reason: 'privatereason' });
  await forgetUser(
    { adminUrl: database.url, tenant: 'acme', keyWrapper },
    { user: 'ed', actor: 'ops', reason: 'asked' },
  );
  expect(await client.memory.entities({ scope: own })).toEqual([]);
  const { rows } = await database.admin.query<{ all: string }>(
    `select coalesce(json_agg(g)::text, '') as all from entity_merge g where scope_user = 'ed'`,
  );
  expect(rows[0]?.all).toBe('');
  // The call is still known, and brings nothing back.
  expect(await client.memory.mergeEntities({ ...merge, reason: 'privatereason' })).toEqual(made);
  await expect(client.memory.mergeEntities({ ...merge, idempotencyKey: 'new', reason: 'x' })).rejects.toMatchObject({
    code: 'ENTITY_NOT_FOUND',
  });
  const { live, fresh } = await liveAndFresh(database.admin, database.store, holdfastSchema, 'acme');
  expect(live).toEqual(fresh);
});
