import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { rebuildViews } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import type { RecallPolicy } from '../../memory/recall/policy.ts';
import { isVisible } from '../../memory/scope.ts';
import type { Scope } from '../../memory/scope.ts';
import { readViews } from '../../projections/read-views.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import type { RetrieveInput, Retrieved } from '../../projections/search/retrieve.ts';
import { createRecallIndex } from '../../projections/search/shelves.ts';
import { whyNot } from '../../projections/search/why-not.ts';
import type { WhyNot } from '../../projections/search/why-not.ts';
import { testSchema } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const now = new Date('2026-06-01T00:00:00.000Z');
const source = { thread: 't', branch: 'main', turn: 'told', quote: 'q' } as const;
const positions = new Map<string, number>();

async function append(name: string, event: MemoryEvent): Promise<void> {
  const { lastPosition } = await database.store.append('acme', {
    id: name,
    streams: [{ name: 's', expectedVersion: 'any' }],
    events: [{ ...event, stream: 's' }],
  });
  positions.set(name, lastPosition);
}

function fact(
  id: string,
  text: string,
  scope: Scope,
  change: { at?: string; kind?: 'fact' | 'preference' } = {},
): MemoryEvent {
  const { at = '2026-05-01T00:00:00.000Z', kind = 'fact' } = change;
  return {
    type: 'FactAsserted',
    data: {
      ...{ fact: id, scope, kind, subject: 'user', relation: 'r', value: text, text, contentHash: id, confidence: 1 },
      ...{ trust: 'direct_user', validFrom: at, validTo: null, replaces: null, disputedWith: null },
      source: { ...source, turn: `turn of ${id}` },
    },
  };
}

async function ask(
  query: string,
  scope: Scope,
  change: Partial<RetrieveInput> & { at?: number } = {},
): Promise<Retrieved> {
  const { at, ...rest } = change;
  const tenant = await database.store.tenantNumber('acme');
  const read = (reader: Parameters<typeof retrieve>[0]) =>
    retrieve(reader, { scope, query, vector: null, now, ...rest });
  return readViews(database.pool, tenant, read, { at });
}

async function why(
  memory: string,
  query: string,
  scope: Scope,
  change: Partial<RetrieveInput> & { at?: number } = {},
): Promise<WhyNot> {
  const { at, ...rest } = change;
  const tenant = await database.store.tenantNumber('acme');
  const read = (reader: Parameters<typeof retrieve>[0]) =>
    whyNot(reader, { memory, scope, query, vector: null, now, ...rest });
  return readViews(database.pool, tenant, read, { at });
}

const ids = ({ items }: Retrieved): string[] => items.filter(({ label }) => label !== null).map(({ id }) => id);
const ana = { user: 'ana' };

beforeAll(async () => {
  await append('old', fact('old', 'Ana drinks black tea.', ana, { at: '2025-01-01T00:00:00.000Z' }));
  await append('new', fact('new', 'Ana drinks green tea.', ana));
  await append('old ended', {
    type: 'FactSuperseded',
    data: { fact: 'old', by: 'new', validTo: '2026-05-01T00:00:00.000Z', source: { ...source } },
  });
  await append('taken back', fact('taken back', 'Ana drinks iced tea.', ana));
  await append('taken back ended', {
    type: 'FactRetracted',
    data: { fact: 'taken back', validTo: '2026-05-02T00:00:00.000Z', reason: 'no longer', source: { ...source } },
  });
  await append('cup', fact('cup', 'The tea cup of Ana is blue.', ana, { kind: 'preference' }));
  await append('agent', fact('agent', 'Tea is sold by the agent.', { user: 'ana', agent: 'shop' }));
  await append('shared', fact('shared', 'Tea is served at four.', {}));
  await append('bo', fact('bo', 'Bo drinks tea with milk.', { user: 'bo' }));
  await append('train', fact('train', 'Ana takes the night train.', ana, { at: '2025-02-01T00:00:00.000Z' }));
});

describe('whyNot', () => {
  test.each([
    ['new', {}, 'returned', /^It is returned, as m\d/],
    ['old', {}, 'superseded', /superseded by new at position/],
    ['taken back', {}, 'retracted', /taken back at position/],
    ['bo', {}, 'out-of-scope', /another user/],
    ['agent', {}, 'out-of-scope', /another agent/],
    ['nothing', {}, 'unknown', /no such memory/],
    ['train', {}, 'not-found', /shares no word/],
    ['new', { policy: { kinds: ['preference'] } }, 'filtered', /asks for kinds preference; this is a fact/],
    ['cup', { budgetTokens: 1 }, 'over-budget', /tokens/],
    ['cup', { policy: { minConfidence: 1 } }, 'low-confidence', /below 1/],
  ] as const)('%s with %j: %s', async (memory, change, reason, text) => {
    const found = await why(memory, 'tea', ana, change);
    expect(found).toMatchObject({ memory, reason });
    expect(found.text).toMatch(text);
    expect(found.supersededBy).toBe(reason === 'superseded' ? 'new' : null);
    // What is not the scope's own is named, not quoted.
    expect(JSON.stringify(found)).not.toMatch(/milk|sold/);
  });

  test('says what a memory that came later was later than', async () => {
    const at = positions.get('new') ?? 0;
    expect(await why('cup', 'tea', ana, { at })).toMatchObject({ reason: 'later' });
    expect(await why('old', 'tea', ana, { at })).toMatchObject({ reason: 'returned' });
  });

  test('compares one that is ranked too low with the last that was returned', async () => {
    const [first = ''] = ids(await ask('green tea', ana, { limit: 1 }));
    const found = await why('cup', 'green tea', ana, { limit: 1 });
    expect(found).toMatchObject({ reason: 'below-rank', comparison: { with: first } });
    const { score = 0, lastScore = 0, features = [] } = found.comparison ?? {};
    expect(score).toBeLessThan(lastScore);
    expect(features.reduce((sum, { difference }) => sum + difference, 0)).toBeLessThan(0);
    expect(features.map(({ name }) => name)).toContain('words');
  });
});

describe('a policy', () => {
  test('keeps to kinds, scopes and how far back', async () => {
    const at = async (policy: RecallPolicy, scope: Scope = { user: 'ana', agent: 'shop' }) =>
      ids(await ask('tea', scope, { policy })).sort();
    expect(await at({})).toEqual(['agent', 'cup', 'new', 'shared']);
    expect(await at({ kinds: ['preference'] })).toEqual(['cup']);
    expect(await at({ scopes: ['agent'] })).toEqual(['agent']);
    expect(await at({ scopes: ['shared'] })).toEqual(['shared']);
    expect(await at({ scopes: ['user', 'shared'] })).toEqual(['agent', 'cup', 'new', 'shared']);
    expect(await at({ sinceDays: 1 })).toEqual([]);
    expect(await at({ sinceDays: 40 })).toHaveLength(4);
    expect(await at({ minConfidence: 1 })).toEqual([]);
  });

  test('lets recency count for nothing, or for more', async () => {
    const factor = async (recency: number) =>
      (await ask('tea', ana, { policy: { recency } })).items.find(({ id }) => id === 'new')?.factors['recency'] ?? 0;
    expect(await factor(0)).toBe(1);
    expect(await factor(1)).toBeGreaterThan(1.3);
  });

  test.each([
    [{ kind: ['fact'] }, /the recall option is kind; expected one of kinds, scopes, sinceDays, recency, minConfidence/],
    [{ kinds: ['facts'] }, /one of kinds is facts; expected one of fact, preference/],
    [{ kinds: [] }, /kinds/],
    [{ scopes: ['team'] }, /expected one of user, agent, thread, shared/],
    [{ sinceDays: -1 }, /sinceDays is -1; expected a number from 0 on/],
    [{ recency: 2 }, /recency is 2; expected a number from 0 to 1/],
    [{ minConfidence: NaN }, /minConfidence is NaN/],
  ])('%j is refused, and says what is allowed', async (policy, message) => {
    await expect(ask('tea', ana, { policy: policy as RecallPolicy })).rejects.toThrow(message);
  });

  test('reads the world as it was: what held then, not what was known then', async () => {
    const held = async (validAt: string) => ids(await ask('tea', ana, { validAt: new Date(validAt) })).sort();
    expect(await held('2025-06-01T00:00:00Z')).toEqual(['old']);
    expect(await held('2026-05-01T12:00:00Z')).toEqual(['cup', 'new', 'shared', 'taken back']);
    expect(await held('2024-01-01T00:00:00Z')).toEqual([]);
    await expect(held('never')).rejects.toThrow(/validAt/);
    expect(await why('old', 'tea', ana, { validAt: new Date('2024-01-01T00:00:00Z') })).toMatchObject({
      reason: expect.stringMatching(/not-valid-then|superseded/) as string,
    });
  });
});

describe('retrieval', () => {
  test('gives the same order whenever it is asked, with the features each was weighed by', async () => {
    const [once, again] = [await ask('tea of Ana', ana), await ask('tea of Ana', ana)];
    expect(again).toEqual(once);
    expect(once.items[0]?.features).toMatchObject({ covers: expect.any(Number) as number });
    expect(once.searched).toBe(4);
  });

  test('gives the same after its views were built again, to an index that was there and to a new one', async () => {
    const index = createRecallIndex();
    const tenant = await database.store.tenantNumber('acme');
    const all = async (own = index) =>
      readViews(database.pool, tenant, (reader) =>
        retrieve(reader, { scope: { user: 'ana', agent: 'shop' }, query: 'tea of Ana', vector: null, now }, own),
      );
    const before = await all();
    await rebuildViews({ adminUrl: database.url, schema: testSchema, views: ['memory_document'] });
    expect(await all()).toEqual(before);
    expect(await all(createRecallIndex())).toEqual(before);
  });

  test('as of a position gives what was given then', async () => {
    const then = await ask('tea of Ana', ana);
    const at = await database.store.head('acme');
    await append('later', fact('later', 'Ana keeps tea of Ana in a tin.', ana));
    expect(ids(await ask('tea of Ana', ana))).toContain('later');
    expect(await ask('tea of Ana', ana, { at })).toEqual(then);
  });

  test('gives nothing of another scope, whatever the scopes are called', async () => {
    const names = ['acme', 'acme-corp', 'acme%', '%', '_', 'a_me', '', "' or true --"];
    const part = fc.option(fc.constantFrom(...names), { nil: undefined });
    const scopes = fc.record({ user: part, agent: part, thread: part });
    const clean = (scope: Record<string, string | undefined>): Scope =>
      Object.fromEntries(Object.entries(scope).filter(([, value]) => value !== undefined));
    const index = createRecallIndex();
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(scopes, { minLength: 1, maxLength: 5 }), scopes, async (memories, reader) => {
        serial += 1;
        const own = new Map<string, Scope>();
        for (const [n, scope] of memories.entries()) {
          const id = `p${serial}-${n}`;
          own.set(id, clean(scope));
          await append(id, fact(id, `umbrella${serial}`, clean(scope)));
        }
        const tenant = await database.store.tenantNumber('acme');
        const found = await readViews(database.pool, tenant, (view) =>
          retrieve(view, { scope: clean(reader), query: `umbrella${serial}`, vector: null, now }, index),
        );
        const expected = [...own].filter(([, scope]) => isVisible(scope, clean(reader))).map(([id]) => id);
        expect(ids(found).sort()).toEqual(expected.sort());
      }),
      { numRuns: 15 },
    );
  });
});
