import { expect, test } from 'vitest';
import { InvalidTurnError, ThreadBusyError } from '../../client/index.ts';
import type { WhenBusy } from '../../client/index.ts';
import { cliEnvironment, documentOf, runCli } from '../cli/run-cli.ts';
import { countTypes, readLog, terminals, readTurnLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { payingAgent } from './fixtures/paying-agent.ts';

const database = withDatabase();
const rig = withRig(database, [payingAgent]);

const pay = 'Use the tool pay with {"amount": 80, "note": "x"}';
const send = (turn: string, thread: string, message = 'Hello') =>
  rig.client.turns.send({ turn, thread, message, agent: 'paying', whenBusy: 'reject' });

test('reject: a busy thread names the turn it is busy with and takes nothing', async () => {
  const waiting = await send('first', 'busy', pay);
  expect(waiting.status).toBe('waiting');
  const before = await readLog(database.admin);
  const refused: unknown = await send('second', 'busy').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ThreadBusyError);
  expect(refused).toMatchObject({ code: 'THREAD_BUSY', turn: 'first', retryable: true });
  expect(await readLog(database.admin)).toEqual(before);
  // The same message again is no new one, and other threads and branches are idle.
  expect(await send('first', 'busy', pay)).toMatchObject({ turn: 'first', status: 'waiting' });
  expect(await send('elsewhere', 'idle')).toMatchObject({ status: 'completed' });
  const [approval = ''] = waiting.waitingFor;
  await rig.client.approvals.decide({ approval, decision: 'reject', actor: 'mia' });
  await rig.client.turns.cancel('first', { actor: 'mia' });
  expect(await send('third', 'busy')).toMatchObject({ status: 'completed' });
});

test('ten messages at once to an idle thread: the first is answered, the others are refused', async () => {
  const names = Array.from({ length: 10 }, (_, n) => `rush-${n}`);
  const results = await Promise.allSettled(names.map((name) => send(name, 'rush', pay)));
  const taken = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(taken).toHaveLength(1);
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ThreadBusyError);
  const open = (await rig.client.turns.list({ thread: 'rush' })).filter(({ status }) => status !== 'aborted');
  expect(open.map(({ turn }) => turn)).toEqual(taken.map(({ turn }) => turn));
  // Whoever had slipped in was taken back before a model was asked.
  for (const name of names) {
    if (name === taken[0]?.turn) continue;
    const log = await readTurnLog(database.admin, name);
    expect(countTypes(log)).not.toHaveProperty('StepCompleted');
    if (log.length > 0) expect(terminals(log)).toHaveLength(1);
  }
});

test('a policy that does not exist is refused; on the command line, too', async () => {
  const wrong = { thread: 'busy', message: 'Hello', agent: 'paying', whenBusy: 'never' as WhenBusy };
  await expect(rig.client.turns.send(wrong)).rejects.toThrow(InvalidTurnError);
  const env = { ...cliEnvironment(database), HOLDFAST_TASK_QUEUE: rig.taskQueue };
  const args = ['send', 'rush', 'Hello', '--agent', 'paying', '--when-busy'];
  const refused = await runCli([...args, 'reject', '--json'], { env });
  expect(refused.code).toBe(4);
  expect(documentOf(refused)).toMatchObject({ ok: false, error: { code: 'THREAD_BUSY' } });
  expect((await runCli([...args, 'never'], { env })).code).toBe(2);
});
