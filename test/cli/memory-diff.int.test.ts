import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../client/index.ts';
import type { HoldfastClient } from '../../client/index.ts';
import type { NewEvent } from '../../eventstore/index.ts';
import type { MemoryEvent, Source } from '../../memory/events.ts';
import { examples } from '../golden/examples.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';
import type { CliRun } from './run-cli.ts';

const database = withDatabase();
let client: HoldfastClient;

const source: Source = { thread: 't', branch: 'main', turn: 'x', quote: 'words' };
const { fork: _fork, ...scope } = examples.BlockEdited.scope;
const fact = (id: string, text: string): MemoryEvent => ({
  type: 'FactAsserted',
  data: { ...examples.FactAsserted, scope, fact: id, text, validTo: null, replaces: null, disputedWith: null },
});
const block = (value: string): MemoryEvent => ({
  type: 'BlockEdited',
  data: { ...examples.BlockEdited, scope, value },
});
const past: readonly MemoryEvent[] = [
  fact('f1', 'Ana lives in Lisbon.'),
  block('Formal.'),
  fact('f2', 'Ana lives in Oslo.\u001b[31m'),
  { type: 'FactSuperseded', data: { fact: 'f1', by: 'f2', validTo: '2026-05-30T18:00:00.000Z', source } },
  block('Cheerful.'),
  { type: 'RoundRecorded', data: { ...examples.RoundRecorded, scope } },
  { type: 'BlockEdited', data: { ...examples.BlockEdited, value: 'Only in a fork.' } },
];

beforeAll(async () => {
  for (const [index, event] of past.entries()) {
    const own: NewEvent<MemoryEvent> = { ...event, stream: 's' };
    await database.store.append('default', {
      id: String(index),
      streams: [{ name: 's', expectedVersion: 'any' }],
      events: [own],
    });
  }
  client = await createClient({ database: { url: database.url }, temporal: { address: '127.0.0.1:1' } });
});
afterAll(() => client.close());

const cli = (...args: string[]): Promise<CliRun> =>
  runCli(['memory', 'diff', ...args], { env: cliEnvironment(database) });

describe('memory diff', () => {
  test('says what was gained, lost and changed, line by line', async () => {
    const run = await cli('2');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toBe(`from position 2 to position 7

block 1 changed
~ block 5 tone: Cheerful.
    value: Formal. → Cheerful.

fact 1 gained, 1 lost
+ fact 3 Ana lives in Oslo.\uFFFD[31m
- fact 4 Ana lives in Lisbon.

round 1 gained
+ round 6 ana: Please refund order A-1001. → support: It is refunded.
`);
    expect((await cli('6', '2')).stdout).toContain('+ fact 4 Ana lives in Lisbon.');
  });

  test('says so when nothing differs', async () => {
    expect(await cli('7')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'Nothing differs between positions 7 and 7.\n',
    });
    expect((await cli('2100-01-01')).stderr).toContain('between positions 7 and 7');
  });

  test('shows the newest of many changes, and counts all', async () => {
    const run = await cli('0', '--limit', '1', '--view', 'fact_source', 'fact');
    expect(run.stdout).toMatch(/^fact 1 gained$/m);
    expect(run.stdout).toMatch(/^fact_source 2 gained\n {2}… 1 older\n\+ fact_source 3 fact f2, turn refund-1$/m);
  });

  test('takes times and gives JSON', async () => {
    const { data } = documentOf(await cli('1970-01-01', '2100-01-01', '--all', '--json'));
    expect(data).toMatchObject({ from: 0, to: 7 });
    const whole = await client.memory.diff({ from: 0, views: 'all' });
    expect(data).toEqual(JSON.parse(JSON.stringify(whole)));
    expect(whole.views.map(({ view }) => view)).toContain('memory_document');
  });

  test.each([
    ['a view there is not', ['0', '--view', 'facts'], /INVALID_READ: The view is "facts"; expected one of .*fact,/],
    ['a moment that is none', ['yesterday'], /Expected a position of the log, or a time/],
    ['no moment', [], /Missing required argument 'from'/],
  ])('refuses %s', async (_name, args, message) => {
    const run = await cli(...args);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toMatch(message);
  });
});
