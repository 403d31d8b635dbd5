import { expect, test } from 'vitest';
import { InvalidScheduleError, ScheduleNotKnownError, ScheduleTakenError } from '../../client/index.ts';
import type { CreateSchedule } from '../../client/index.ts';
import { ensureTemporalSchedule, temporalScheduleId } from '../../client/temporal-schedule.ts';
import { defaultTimeouts, scheduledTurnWorkflow, sweepWorkflow } from '../../workflows/messages.ts';
import { cliEnvironment, documentOf, runCli } from '../cli/run-cli.ts';
import { closedHistory } from '../support/histories.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { payingAgent } from './fixtures/paying-agent.ts';

const database = withDatabase();
const rig = withRig(database, [payingAgent]);

const request = { thread: 'reminders', agent: 'paying', user: 'ana', message: 'Zwiebelkuchen is ready.' };
const by = { actor: 'mia' };
const inTemporal = (id: string) => rig.temporal.schedule.getHandle(temporalScheduleId(rig.taskQueue, 'default', id));
const turnsOf = (thread: string) => rig.client.turns.list({ thread });

test('a schedule sends its message again and again, until it is paused; Temporal never has the words', async () => {
  const created = await rig.client.schedules.create({ id: 'often', everyMs: 1_000, ...request });
  expect(created).toMatchObject({ schedule: 'often', timing: { everyMs: 1_000 }, paused: false, told: true });
  // The same again changes nothing.
  expect(await rig.client.schedules.create({ id: 'often', everyMs: 1_000, ...request })).toMatchObject({
    position: created.position,
  });
  const two = await until('two turns', async () => {
    const turns = (await turnsOf('reminders')).filter(({ status }) => status === 'completed');
    return turns.length >= 2 ? turns : undefined;
  });
  expect(await rig.client.schedules.pause('often', by)).toMatchObject({ paused: true, told: true });
  expect((await inTemporal('often').describe()).state.paused).toBe(true);
  expect(two[0]).toMatchObject({ user: 'ana', message: request.message, agent: 'paying' });
  expect(two[0]?.turn).toMatch(/^often@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  expect(new Set(two.map(({ turn }) => turn)).size).toBe(two.length);

  // Nothing of the words in the schedule, in the workflow that it starts, or in the turn.
  const definition = JSON.stringify(await inTemporal('often').describe(), (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(definition).toContain('often');
  expect(definition).not.toContain('Zwiebelkuchen');
  expect((await closedHistory(rig, two[0]?.turn ?? '')).bytes.includes('Zwiebelkuchen')).toBe(false);

  expect(await rig.client.schedules.resume('often', by)).toMatchObject({ paused: false });
  expect(await rig.client.schedules.delete('often', by)).toMatchObject({ told: true });
  expect(await rig.client.schedules.list()).toEqual([]);
  await expect(inTemporal('often').describe()).rejects.toThrow();
  await expect(rig.client.schedules.pause('often', by)).rejects.toThrow(ScheduleNotKnownError);
  // The id is free again.
  const other = await rig.client.schedules.create({ id: 'often', cron: '0 9 * * 1', ...request, message: 'Other' });
  expect(other).toMatchObject({ timing: { cron: '0 9 * * 1' }, message: 'Other' });
  await rig.client.schedules.delete('often', by);
});

test('one time: one turn, also when the workflow runs again and the sweeper looks', async () => {
  const at = new Date(Date.now() + 1_500);
  const { timing } = await rig.client.schedules.create({ id: 'once', at, ...request, thread: 'once' });
  const due = timing.at ?? '';
  const turn = `once@${due}`;
  await until('the turn', async () => {
    const found = (await turnsOf('once'))[0];
    return found?.status === 'completed' ? found : undefined;
  });
  for (const again of [1, 2]) {
    await rig.temporal.workflow.execute(scheduledTurnWorkflow, {
      taskQueue: rig.taskQueue,
      workflowId: `again-${again}-${rig.taskQueue}-${due.replace('.000', '')}`,
      args: [{ tenant: 'default', schedule: 'once' }],
    });
  }
  await rig.temporal.workflow.execute(sweepWorkflow, {
    taskQueue: rig.taskQueue,
    workflowId: `sweep-${rig.taskQueue}`,
  });
  expect((await turnsOf('once')).map((one) => one.turn)).toEqual([turn]);
  expect(countTypes(await readTurnLog(database.admin, turn))).toMatchObject({ TurnRequested: 1, StepCompleted: 1 });
  await rig.client.schedules.delete('once', by);
});

test('what Temporal has lost is made again by the sweeper, as the log has it', async () => {
  await rig.client.schedules.create({ id: 'lost', cron: '0 9 * * 1', ...request });
  await rig.client.schedules.pause('lost', by);
  await inTemporal('lost').delete();
  await until('it is gone', () =>
    inTemporal('lost')
      .describe()
      .then(
        () => undefined,
        () => true,
      ),
  );
  await until('the sweeper', async () => {
    const workflowId = crypto.randomUUID();
    await rig.temporal.workflow.execute(sweepWorkflow, { taskQueue: rig.taskQueue, workflowId });
    return inTemporal('lost')
      .describe()
      .then(
        ({ state }) => state.paused || undefined,
        () => undefined,
      );
  });
  await rig.client.schedules.delete('lost', by);
});

test('a schedule that Temporal still has after its end is no other one: a new one takes its place, and alone it goes', async () => {
  const everyMs = (id: string) =>
    inTemporal(id)
      .describe()
      .then(
        ({ spec }) => spec.intervals?.[0]?.every,
        () => null,
      );
  const starter = { temporal: rig.temporal, taskQueue: rig.taskQueue, timeouts: defaultTimeouts };
  const old = await rig.client.schedules.create({ id: 'kept', everyMs: 3_600_000, ...request });
  await rig.client.schedules.delete('kept', by);
  // What a sweeper does that had read the log before; or nobody told Temporal, because it was out of reach.
  await ensureTemporalSchedule(starter, 'default', old);
  await rig.client.schedules.create({ id: 'kept', everyMs: 7_200_000, ...request });
  expect(await everyMs('kept')).toBe(7_200_000);
  await rig.client.schedules.delete('kept', by);

  await ensureTemporalSchedule(starter, 'default', { ...old, timing: { ...old.timing, everyMs: 1_000 } });
  await until('it fires and is gone', async () => ((await everyMs('kept')) === null ? true : undefined));
});

test.each<[string, object, RegExp]>([
  ['no time', {}, /exactly one/],
  ['two times', { cron: '0 9 * * 1', everyMs: 1_000 }, /exactly one/],
  ['too often', { everyMs: 10 }, /1000/],
  ['the past', { at: new Date(0) }, /to come/],
  ['no cron', { cron: 'monday' }, /no cron/],
  ['a cron that Temporal refuses', { cron: '99 99 * * *' }, /Temporal refuses/],
  ['no words', { everyMs: 5_000, message: ' ' }, /characters/],
  ['no id', { everyMs: 5_000, id: '' }, /id/],
])('refused: %s', async (_name, wrong, message) => {
  const refused = rig.client.schedules.create({ id: 'wrong', ...request, ...wrong } as CreateSchedule);
  await expect(refused).rejects.toThrow(InvalidScheduleError);
  await expect(refused).rejects.toThrow(message);
  expect(await rig.client.schedules.list()).toEqual([]);
});

test('the command line creates, lists, pauses, resumes and deletes', async () => {
  const env = { ...cliEnvironment(database), HOLDFAST_TASK_QUEUE: rig.taskQueue };
  const cli = (...args: string[]) => runCli(['schedules', ...args], { env });
  const create = ['create', 'weekly', 'demo', 'How', 'was it?', '--cron', '0 9 * * 1', '--agent', 'paying'];
  expect(await cli(...create)).toMatchObject({ code: 0, stdout: 'schedule weekly by cron 0 9 * * 1\n' });
  await expect(rig.client.schedules.create({ id: 'weekly', everyMs: 1_000, ...request })).rejects.toThrow(
    ScheduleTakenError,
  );
  expect((await cli('pause', 'weekly')).stdout).toBe('schedule weekly paused\n');
  const listed = documentOf(await cli('ls', '--json'));
  expect(listed.data).toMatchObject([{ schedule: 'weekly', message: 'How was it?', paused: true }]);
  expect((await cli('ls')).stdout).toContain('paused (by cron 0 9 * * 1)');
  expect((await cli('resume', 'weekly')).code).toBe(0);
  expect((await cli('delete', 'weekly')).code).toBe(0);
  expect((await cli('delete', 'weekly')).code).toBe(3);
  expect((await cli('create', 'x', 'demo', 'Hello', '--agent', 'paying')).code).toBe(2);
});
