import { beforeAll, expect, test, vi } from 'vitest';
import type { MemoryEvent } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import { examples } from '../golden/examples.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

/** A fact of a built-in kind. */
const { data: _data, key: _key, ...inWords } = examples.FactAsserted;

// Each command is a process of its own; many stand in line on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const database = withDatabase();
const scope = { user: 'ana' };
const fact = (id: string, subject: string, relation: string, value: string): MemoryEvent => ({
  type: 'FactAsserted',
  data: {
    ...{
      ...inWords,
      scope,
      fact: id,
      subject,
      relation,
      value,
      text: `${subject} ${relation} ${value}.`,
    },
    ...{ contentHash: id, validFrom: '2026-03-01T00:00:00.000Z', validTo: null, replaces: null, disputedWith: null },
  },
});

beforeAll(async () => {
  const stream = streams.memory(scope);
  const events = [fact('f1', 'Robert Müller', 'employer', 'Acme'), fact('f2', 'Bob', 'lives_in', 'Oslo')];
  await database.store.append('default', {
    id: 'learnt',
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: events.map((event) => ({ ...event, stream })),
  });
});

const cli = (...args: string[]) => runCli(['memory', ...args], { env: cliEnvironment(database) });

test('entities are listed, merged, shown with their relations, and parted', async () => {
  expect((await cli('entities')).stdout).toMatch(/person +1 +Robert Müller/);
  const merge = ['merge', 'Robert Müller', 'Bob', '--reason', 'Ana said so', '--json'];
  const receipt = documentOf(await cli(...merge));
  expect(receipt).toMatchObject({ ok: true, data: { applied: true } });
  const { merge: id } = receipt.data as { merge: string };
  expect(documentOf(await cli(...merge))).toMatchObject({ data: { merge: id, applied: false } });
  const shown = (await cli('entity', 'Bob')).stdout;
  expect(shown).toMatch(/Robert Müller .*person/);
  expect(shown).toContain('also: Bob');
  expect(shown).toMatch(/2026-03-01 – now {2}works_at → Acme/);
  expect(shown).toMatch(new RegExp(`${id}: Bob into Robert Müller by user:.*: Ana said so`));
  expect(documentOf(await cli('entities', '--kind', 'place', '--json'))).toMatchObject({ data: [{ name: 'Oslo' }] });
  expect((await cli('split', id, '--reason', 'cousins')).stdout).toContain(`${id} at position`);
  expect(documentOf(await cli('entity', 'Bob', '--json'))).toMatchObject({ data: { name: 'Bob', merges: [] } });
});

test('what is not there or makes no sense has its own exit code', async () => {
  expect(await cli('entity', 'Nobody')).toMatchObject({ code: 3 });
  expect(await cli('merge', 'Bob', 'bob', '--reason', 'x')).toMatchObject({ code: 2 });
  expect(await cli('entities', '--kind', 'dragon')).toMatchObject({ code: 2 });
});
