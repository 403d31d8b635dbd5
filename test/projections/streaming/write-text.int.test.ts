import { describe, expect, test } from 'vitest';
import { dropTenant } from '../../../eventstore/index.ts';
import { readViews } from '../../../projections/read-views.ts';
import { createStreamHub } from '../../../projections/streaming/hub.ts';
import { readText } from '../../../projections/streaming/queries.ts';
import { openTextStream, trimText } from '../../../projections/streaming/write-text.ts';
import type { TextStreamOptions } from '../../../projections/streaming/write-text.ts';
import { until } from '../../support/until.ts';
import { withDatabase } from '../../support/with-database.ts';

const database = withDatabase();
const hub = createStreamHub();

async function open(turn: string, more: Partial<TextStreamOptions> = {}) {
  return openTextStream({
    pool: database.pool,
    hub,
    place: { tenant: 'acme', turn },
    tenantNumber: await database.store.tenantNumber('acme'),
    step: 1,
    subjects: [],
    readAt: 0,
    onFailure: (error) => {
      throw error;
    },
    flushMs: 5,
    ...more,
  });
}

async function written(turn: string): Promise<{ attempts: number[]; text: string }> {
  const { rows } = await database.admin.query<{ attempt: number; content: string }>(
    'select attempt, content from text_chunk where turn = $1 order by attempt, seq',
    [turn],
  );
  return {
    attempts: [...new Set(rows.map(({ attempt }) => attempt))],
    text: rows.map(({ content }) => content).join(''),
  };
}

const textOf = (turn: string, wanted: string) =>
  until(`${wanted} is written`, async () => ((await written(turn)).text === wanted ? true : undefined));

test('a call that ends before the first flush writes no row', async () => {
  const stream = await open('fast', { flushMs: 60_000 });
  stream.push('Hello');
  expect(hub.look({ tenant: 'acme', turn: 'fast' })).toMatchObject({ step: 1, text: 'Hello' });
  expect(await stream.end()).toBe(0);
  expect(hub.look({ tenant: 'acme', turn: 'fast' })).toBeUndefined();
  expect(await written('fast')).toEqual({ attempts: [], text: '' });
});

test('pieces become rows, also with what PostgreSQL cannot hold; a pair that is torn is made whole', async () => {
  const stream = await open('odd');
  const [high, low] = ['😀'.charAt(0), '😀'.charAt(1)];
  stream.push(`a\0b${high}`);
  await textOf('odd', 'a\uFFFDb');
  stream.push(low);
  await textOf('odd', 'a\uFFFDb😀');
  stream.push(`${high}x`);
  await textOf('odd', 'a\uFFFDb😀\uFFFDx');
  expect(await stream.end()).toBe(3);
});

test('each call of a step is an attempt of its own; readers get the newest, from where they are', async () => {
  const first = await open('twice');
  first.push('one');
  await textOf('twice', 'one');
  await first.end();
  const second = await open('twice');
  second.push('two');
  await textOf('twice', 'onetwo');
  await second.end();
  expect((await written('twice')).attempts).toEqual([1, 2]);
  const tenant = await database.store.tenantNumber('acme');
  const read = (attempt: number, seq: number, number = tenant) =>
    readViews(database.pool, number, (reader) =>
      readText({ ...reader, tenant }, { turn: 'twice', step: 1, after: { attempt, seq } }),
    );
  expect(await read(0, -1)).toMatchObject([{ attempt: 2, seq: 0, content: 'two' }]);
  expect(await read(1, 5)).toMatchObject([{ attempt: 2, content: 'two' }]);
  expect(await read(2, 0)).toEqual([]);
  // Another tenant's session, that asks for this one by mistake.
  expect(await read(0, -1, await database.store.tenantNumber('default'))).toEqual([]);
  await trimText(database.pool, tenant, 'twice');
  expect((await written('twice')).attempts).toEqual([]);
});

describe('rows that cannot be written', () => {
  test('are told once, and the call goes on', async () => {
    const failures: unknown[] = [];
    const stream = await open('nowhere', { tenantNumber: 999_999, onFailure: (error) => failures.push(error) });
    stream.push('Hello');
    await until('the failure', () => (failures.length > 0 ? true : undefined));
    stream.push(' again');
    await stream.end();
    expect(failures).toHaveLength(1);
  });

  test('go with their tenant', async () => {
    const stream = await open('dropped');
    stream.push('Hello');
    await textOf('dropped', 'Hello');
    await stream.end();
    const { rows } = await dropTenant({ adminUrl: database.url, tenant: 'acme' });
    expect(rows['text_chunk']).toBeGreaterThan(0);
    expect((await written('dropped')).attempts).toEqual([]);
  });
});
