import proto from '@temporalio/proto';
import { expect, test, vi } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import type { ChatModel } from '../../llm/ports.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { workflowOf } from '../support/histories.ts';
import { readLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

vi.setConfig({ testTimeout: 90_000 });

const database = withDatabase();
const agent = defineAgent({ name: 'friend', instructions: 'Be brief.' });
const message = 'My dog is called Bruno.';

/** The rig's model, whose extractions wait until they are let go. */
function slowExtraction(rig: CrashRig): { model: ChatModel; asked: () => number; letGo: () => void } {
  const inner = createOpenAiModel({ baseUrl: rig.model.url, apiKey: 'none' });
  const gate = Promise.withResolvers<null>();
  let asked = 0;
  return {
    asked: () => asked,
    letGo: () => gate.resolve(null),
    model: {
      complete: async (request) => {
        if (request.responseSchema) {
          asked += 1;
          await gate.promise;
        }
        return inner.complete(request);
      },
    },
  };
}

const extractions = async (turns: readonly string[]): Promise<number> =>
  (await readLog(database.admin)).filter(
    ({ type, data }) => type === 'ExtractionCompleted' && turns.includes(String(data['turn'])),
  ).length;

test('replies come while more extractions wait than there are slots for them', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const slow = slowExtraction(rig);
  await rig.startHere([agent], { model: slow.model });
  const turns = Array.from({ length: 12 }, (_, n) => `slow-${n}`);
  // In one thread: each begins when the one before it is answered, whose extraction still runs.
  for (const turn of turns) {
    const result = await rig.client.turns.send({ turn, thread: 'slow', user: turn, message, agent: 'friend' });
    expect(result.status).toBe('completed');
  }
  await until('the background slots are full', () => (slow.asked() >= 8 ? true : undefined));
  expect(await extractions(turns)).toBe(0);
  slow.letGo();
  await until('all are extracted', async () => ((await extractions(turns)) === turns.length ? true : undefined));
});

test('a worker process says nothing of its background worker having no workflows', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const worker = await rig.startProcess();
  const turn = 'quiet';
  await rig.client.turns.send({ turn, thread: turn, user: 'max', message, agent: 'support' });
  // The background worker has worked, so it had started before.
  await until('it is extracted', async () => ((await extractions([turn])) === 1 ? true : undefined));
  expect(worker.output()).toContain('Worker state changed');
  expect(worker.output()).not.toContain('No workflows registered');
});

test('queues can have workers of their own', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([agent], { queues: 'turns' });
  const turn = 'split';
  const result = await rig.client.turns.send({ turn, thread: turn, user: 'max', message, agent: 'friend' });
  expect(result.status).toBe('completed');
  const { EVENT_TYPE_ACTIVITY_TASK_SCHEDULED } = proto.temporal.api.enums.v1.EventType;
  const queues = await until('the extraction is scheduled', async () => {
    const { events } = await workflowOf(rig, turn).fetchHistory();
    const scheduled = (events ?? [])
      .filter(({ eventType }) => eventType === EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
      .map(({ activityTaskScheduledEventAttributes: task }) => [task?.activityType?.name, task?.taskQueue?.name]);
    return scheduled.some(([name]) => name === 'extractMemory') ? scheduled : undefined;
  });
  expect(queues.filter(([, queue]) => queue !== rig.taskQueue)).toEqual([
    ['extractMemory', `${rig.taskQueue}-background`],
  ]);
  // Nobody serves it: turns go on, it waits.
  const next = await rig.client.turns.send({ thread: turn, user: 'max', message: 'Hello', agent: 'friend' });
  expect(next.status).toBe('completed');
  expect(await extractions([turn])).toBe(0);
  await rig.startHere([agent], { queues: 'background' });
  await until('it is extracted', async () => ((await extractions([turn])) === 1 ? true : undefined));
  await until('its history is archived', async () => {
    const archived = await rig.client.turns.history(turn).catch(() => undefined);
    return archived && archived.events > 0 ? true : undefined;
  });
});
