import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Boundary } from '../../activities/deps.ts';
import { talkative } from '../../chaos/crash-agents.ts';
import { startRig } from '../support/crash-rig.ts';
import { readLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

// Processes that start side by side on a busy machine take their time.
vi.setConfig({ testTimeout: 180_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, 'fixtures.config.ts');
const boundaries: readonly Boundary[] = ['compaction.model_answered', 'compaction.committed'];

test.concurrent.for(boundaries)(
  'killed at %s: a compaction is wholly there, once',
  async (boundary, { onTestFinished }) => {
    const rig = await startRig(database, onTestFinished);
    const thread = `thread-${boundary}`;
    const worker = await rig.startProcess({ failpoint: boundary, configFile });
    const send = (n: number) =>
      rig.client.turns.send(
        {
          thread,
          user: boundary,
          agent: 'talkative',
          turn: `${boundary}-${n}`,
          message: `Locker ${n} has code ${n}${n}${n}${n}. ${'So it is. '.repeat(5)}`,
        },
        { timeoutMs: 100_000 },
      );
    const compactions = async () =>
      (await readLog(database.admin)).filter(
        ({ type, data }) => type === 'ContextCompacted' && data['thread'] === thread,
      );
    let sent = 0;
    let ended: Awaited<typeof worker.exited> | undefined;
    void worker.exited.then((exit) => (ended = exit));
    // Turns go on until the compaction behind one of them is struck.
    while (ended === undefined && sent < 12) {
      const answer = send((sent += 1));
      await Promise.race([answer, worker.exited]);
      if (sent >= 3)
        await Promise.race([
          worker.exited,
          until('the fault', () => Promise.resolve(ended), { timeoutMs: 3_000 }).catch(() => undefined),
        ]);
    }
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const atCrash = await compactions();
    expect(atCrash).toHaveLength(boundary === 'compaction.committed' ? 1 : 0);

    await rig.startHere([talkative]);
    const after = await until(
      'the compaction',
      async () => ((await compactions()).length > 0 ? compactions() : undefined),
      {
        timeoutMs: 60_000,
      },
    );
    expect(after.slice(0, atCrash.length)).toEqual(atCrash);
    // Every turn is replaced by one compaction at most.
    const last = await send((sent += 1));
    expect(last.status).toBe('completed');
    const replaced = (await compactions()).flatMap(({ data }) => (data['replaces'] as { turns: string[] }).turns);
    expect(new Set(replaced).size).toBe(replaced.length);
    expect(replaced[0]).toBe(`${boundary}-1`);
    const { steps } = await rig.client.turns.explain(last.turn);
    expect(steps[0]?.promptMatches).toBe(true);
    expect(steps[0]?.prompt[0]?.content).toContain('# Earlier in this conversation');
  },
);
