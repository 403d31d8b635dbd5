import { expect, test, vi } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

// Each command is a process of its own; many stand in line on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const listener = defineAgent({
  name: 'listener',
  instructions: 'You listen.',
  memory: { tools: false, extractor: 'rules', extract: 'manual' },
});
const database = withDatabase();
const worker = withWorker(database, { agents: [listener] });
const cli = (...args: string[]) => runCli(['memory', ...args], { env: cliEnvironment(database, worker) });

test('turns that wait are listed, read, and wait no more', async () => {
  await worker.client.turns.send({
    ...{ turn: 'one', thread: 'talk', user: 'ana', agent: 'listener', message: 'I live in Lisbon.' },
  });
  expect((await cli('awaiting')).stdout).toMatch(/one +talk +main +listener +\d+/);
  expect(documentOf(await cli('awaiting', 'other', '--json'))).toMatchObject({ data: [] });
  const read = (await cli('extract', 'talk')).stdout;
  expect(read).toMatch(/^one: completed/m);
  expect(read).toMatch(/^ {2}stored: .*Lisbon/m);
  expect(documentOf(await cli('awaiting', 'talk', '--json'))).toMatchObject({ data: [] });
  expect(documentOf(await cli('extract', 'talk', '--json'))).toMatchObject({ data: [] });
  expect(await cli('extract', 'nowhere')).toMatchObject({ code: 3 });
  expect(await cli('extract', 'talk', '--timeout-ms', 'soon')).toMatchObject({ code: 2 });
});
