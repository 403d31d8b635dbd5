import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { HoldfastClient } from '../../client/index.ts';
import { createClient } from '../../client/index.ts';
import { localKeyWrapper } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import { examples } from '../golden/examples.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

/** A fact of a built-in kind. */
const { data: _data, key: _key, ...inWords } = examples.FactAsserted;

// Each command is a process of its own; many stand in line on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const database = withDatabase();
const scope = { user: 'ana' };
const fact = (id: string, relation: string, value: string): MemoryEvent => ({
  type: 'FactAsserted',
  data: {
    ...{ ...inWords, scope, fact: id, relation, value, text: `Ana ${relation} ${value}.` },
    ...{ contentHash: id, validFrom: '2026-03-01T00:00:00.000Z', validTo: null, replaces: null, disputedWith: null },
  },
});
let client: HoldfastClient;

beforeAll(async () => {
  const stream = streams.memory(scope);
  await database.store.append('default', {
    id: 'learnt',
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: [fact('size', 'shoe_size', '42'), fact('tea', 'likes', 'tea')].map((event) => ({ ...event, stream })),
  });
  client = await createClient({
    database: { url: database.url },
    temporal: { address: '127.0.0.1:1' },
    keyWrapper: localKeyWrapper(testMasterKey),
  });
});
afterAll(() => client.close());

const cli = (...args: string[]) => runCli(['memory', ...args], { env: cliEnvironment(database) });

test('a memory is shown, corrected, taken back, and its story told', async () => {
  expect((await cli('get', 'size')).stdout).toContain('Ana shoe_size 42.');
  const correct = ['correct', 'size', '--value', '43', '--text', 'Ana wears 43.', '--reason', 'by phone', '--json'];
  const receipt = documentOf(await cli(...correct));
  expect(receipt).toMatchObject({ ok: true, data: { outcome: 'superseding', replayed: false } });
  const newest = (receipt.data as { id: string }).id;
  // Said again, it is the same change.
  expect(documentOf(await cli(...correct))).toMatchObject({ data: { id: newest, replayed: true } });

  expect(documentOf(await cli('explain', newest, '--json'))).toMatchObject({ data: { before: { fact: 'size' } } });
  expect((await cli('explain', newest)).stdout).toMatch(/Ana wears 43.*\n.*by hand\n.*before it: Ana shoe_size 42/);
  const history = documentOf(await cli('history', 'size', '--json'));
  expect((history.data as { type: string }[]).map(({ type }) => type)).toEqual(['FactAsserted', 'FactSuperseded']);
  // As of before the correction it held.
  expect(documentOf(await cli('get', 'size', '--at', '2', '--json'))).toMatchObject({ data: { validTo: null } });

  const retracted = await cli('retract', 'tea', '--reason', 'not any more');
  expect(retracted).toMatchObject({ code: 0, stderr: '' });
  expect(retracted.stdout).toMatch(/^retracted {2}tea/);
  expect((await client.memory.list({ scope })).map(({ value }) => value)).toEqual(['43']);
  const timeline = documentOf(await cli('timeline', '--from', '2026-02-28', '--to', '2026-03-02', '--json'));
  expect((timeline.data as { kind: string }[]).map(({ kind }) => kind)).toEqual(['began', 'began']);
});

test('what is wrong is said with the next step', async () => {
  const unknown = await cli('get', 'nothing', '--json');
  expect(unknown.code).not.toBe(0);
  expect(documentOf(unknown).error).toMatchObject({ code: 'MEMORY_NOT_FOUND' });
  expect(documentOf(unknown).error?.hint).toContain('holdfast memory list');
  const bare = await cli('retract', 'size');
  expect(bare.code).not.toBe(0);
  expect(bare.stderr).toContain('--reason');
  expect((await cli('timeline', '--from', 'soon')).stderr).toContain('2026-03-01');
});
