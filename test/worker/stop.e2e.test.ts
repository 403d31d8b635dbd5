import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import type { ChatRequest } from '../../llm/ports.ts';
import { readTurnLog, terminals } from '../support/read-log.ts';
import '../support/quiet-runtime.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const agent = defineAgent({ name: 'clerk', instructions: 'You take notes.', memory: { extract: false } });
let asked = 0;
const database = withDatabase();
const worker = withWorker(database, {
  agents: [agent],
  overrides: {
    model: {
      complete: async (request: ChatRequest) => {
        asked += 1;
        // The first one never answers; only who asked can give it up.
        if (asked === 1) await delay(100_000, undefined, { signal: request.signal, ref: false });
        return createOpenAiModel({ baseUrl: worker.modelUrl, apiKey: 'none', timeoutMs: 10_000 }).complete(request);
      },
    },
  },
});

test(
  'a worker that is stopped in a model call stops in seconds, and the next one goes on',
  { timeout: 60_000 },
  async () => {
    const sent = worker.client.turns.send({ turn: 'a', thread: 'one', message: 'Hello.', agent: 'clerk' });
    await until('the model is asked', () => Promise.resolve(asked === 1 ? true : undefined));
    const stopping = performance.now();
    await worker.stop();
    expect(performance.now() - stopping).toBeLessThan(20_000);
    expect(await worker.client.turns.get('a')).toMatchObject({ status: 'running' });
    await worker.start();
    expect(await sent).toMatchObject({ status: 'completed', steps: 1 });
    expect(asked).toBe(2);
    expect(terminals(await readTurnLog(database.admin, 'a'))).toHaveLength(1);
  },
);
