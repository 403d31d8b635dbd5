import { beforeAll, expect, test } from 'vitest';
import type { MemoryEvent } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';
import { readViews } from '../../projections/read-views.ts';
import type { RetrieveInput, Retrieved } from '../../projections/search/retrieve.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import { createRecallIndex } from '../../projections/search/shelves.ts';
import { examples } from '../golden/examples.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const scope = { user: 'ana' };
const index = createRecallIndex();
let sent = 0;

async function append(...events: readonly MemoryEvent[]): Promise<number> {
  sent += 1;
  const { lastPosition } = await database.store.append('acme', {
    id: `c${sent}`,
    streams: [{ name: 's', expectedVersion: 'any' }],
    events: events.map((event) => ({ ...event, stream: 's' })),
  });
  return lastPosition;
}

/** `id|subject|relation|value|sentence`. */
function fact(line: string, where: Scope = scope): MemoryEvent {
  const [id = '', subject = '', relation = '', value = '', text = ''] = line.split('|');
  const { expiresAt: _never, ...example } = examples.FactAsserted;
  return {
    type: 'FactAsserted',
    data: {
      ...{ ...example, scope: where, fact: id, subject, relation, value, text, contentHash: id, kind: 'fact' },
      ...{ validFrom: '2026-01-01T00:00:00.000Z', validTo: null, replaces: null, disputedWith: null },
      source: { ...example.source, turn: `turn-${id}` },
    },
  };
}

function round(id: string, text: string, turn = id): MemoryEvent {
  const { expiresAt: _never, ...example } = examples.RoundRecorded;
  return {
    type: 'RoundRecorded',
    data: {
      ...{ ...example, scope, round: id, turn, reply: null, occurredAt: '2026-01-02T00:00:00.000Z' },
      message: { speaker: 'user', text },
    },
  };
}

async function find(query: string, change: Partial<RetrieveInput> & { readonly at?: number } = {}): Promise<Retrieved> {
  const { at, ...input } = change;
  return readViews(
    database.pool,
    await database.store.tenantNumber('acme'),
    (reader) => retrieve(reader, { scope, query, vector: null, now: new Date('2026-06-01'), ...input }, index),
    { at },
  );
}
const question = "Where does my sister's husband work?";
const injected = ({ items }: Retrieved): string[] => items.filter(({ label }) => label !== null).map(({ id }) => id);

const position = { married: 0 };

beforeAll(async () => {
  // Talk that holds most words of the question: more than enough to fill all places.
  const talk = ['Her sister has work.', 'Her husband is out of work.', 'Her sister has a husband.'];
  await append(
    ...Array.from({ length: 30 }, (_, n) => round(`talk-${n}`, `${talk[n % 3]} I heard it ${n} times.`)),
    round('ferry', 'We all met them on the ferry.', 'turn-acme'),
    fact('sister|user|sister|Ana|Ana is family.'),
    fact('globex|user|employer|Globex|Globex it is.'),
  );
  position.married = await append(fact('couple|Ana|spouse|Tom|Ana and Tom, a couple since 2019.'));
  await append(fact('acme|Thomas|employer|Acme|Acme pays Thomas.'));
});

test('words do not find where the husband of a sister works, and neither do facts that nobody joined', async () => {
  const found = await find(question);
  expect(injected(found)).not.toContain('acme');
});

test('facts that hang together do, and say how', async () => {
  const by = { actor: 'user:ana', reason: 'Tom is short for Thomas' };
  const before = await find(question);
  await append({
    type: 'EntitiesMerged',
    data: { merge: 'g-1', scope, into: 'Thomas', names: [{ name: 'Tom' }], ...by },
  });
  const found = await find(question);
  expect(injected(found).slice(0, 3)).toContain('acme');
  const acme = found.items.find(({ id }) => id === 'acme');
  expect(acme).toMatchObject({ ranks: { graph: 1 }, features: { covers: 0 } });
  expect(acme?.ranks).not.toHaveProperty('words');
  expect(acme?.features['linked']).toBeGreaterThan(0.7);
  expect(acme?.reason).toContain('graph #1');
  expect(found.channels['graph']).toBeGreaterThanOrEqual(3);
  expect(found.confidence).toBeGreaterThanOrEqual(before.confidence);
});

test('not as of before they did, not for others, and not once it is taken back', async () => {
  expect(injected(await find(question, { at: position.married }))).not.toContain('acme');
  const other = await find(question, { scope: { user: 'bo' } });
  expect(other.items).toEqual([]);
  await append({
    type: 'EntitiesSplit',
    data: { merge: 'g-1', scope, actor: 'user:ana', reason: 'another Thomas' },
  });
  expect(injected(await find(question))).not.toContain('acme');
  expect(injected(await find('Who pays Thomas?'))[0]).toBe('acme');
});

test('a policy that leaves out facts still lets them lead to what was said', async () => {
  const found = await find('What about Acme?', { policy: { kinds: ['round'] } });
  expect(injected(found)).toContain('ferry');
  expect(found.items.every(({ kind }) => kind === 'round')).toBe(true);
});
