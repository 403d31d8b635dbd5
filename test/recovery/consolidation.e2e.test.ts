import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { ConsolidationBoundary } from '../../activities/deps.ts';
import { assertFacts } from '../support/assert-facts.ts';
import { startRig } from '../support/crash-rig.ts';
import { readLog } from '../support/read-log.ts';
import { workTurns } from '../support/worked-turns.ts';
import { withDatabase } from '../support/with-database.ts';
import { crashAgents } from './fixtures.config.ts';

vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, 'fixtures.config.ts');
const boundaries: readonly ConsolidationBoundary[] = [
  'consolidation.planned',
  'consolidation.decided',
  'consolidation.committed',
  'consolidation.completed',
];

// Side by side: most of each test is a process that starts and a heartbeat that fails to come.
test.concurrent.for(boundaries)('killed at %s: a run does everything once', async (boundary, { onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const user = boundary.replace('.', '-');
  await assertFacts(database.store, {
    scope: { user },
    facts: ['tea', 'jazz', 'sun', 'sea', 'art', 'dogs'].flatMap((value, n) => [
      { fact: `${user}-${value}`, value, text: `The user likes ${value}.` },
      ...(n < 2 ? [{ fact: `${user}-${value}2`, value, text: `User likes ${value}`, validFrom: '2026-05-01' }] : []),
      ...(n < 2 ? [] : [{ fact: `${user}-${value}3`, value: `more ${value}`, text: `The user likes more ${value}.` }]),
    ]),
  });
  await rig.client.memory.remember(
    [
      { speaker: 'user', text: 'Please refund order A-1001.' },
      { speaker: 'user', text: 'It was broken.' },
    ],
    { user },
    { idempotencyKey: user, session: user, occurredAt: new Date('2026-05-30') },
  );
  await workTurns(
    database.store,
    [1, 2, 3].map((n) => ({
      ...{ turn: `${user}-${n}`, user, agent: 'shopper', message: `Refund broken order A-${n}` },
      tools: ['get_order', 'refund'],
    })),
  );
  const before = await rig.client.memory.list({ scope: { user } });
  const worker = await rig.startProcess({ failpoint: `${boundary}@${user}`, configFile });
  const answer = rig.client.memory.consolidate({ scope: { user }, run: user });

  // A run whose fault did not land proves nothing.
  expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await rig.startHere(crashAgents(rig.shopUrl));
  const row = await answer;

  expect(row.counts).toEqual({ merged: 2, observed: 0, unproven: 0, expired: 0, summarised: 1, learnt: 1, proven: 0 });
  const own = (await readLog(database.admin)).filter(({ command }) => command.startsWith(`consolidation/${user}/`));
  expect(own.map(({ type }) => type).toSorted()).toEqual([
    'ConsolidationCompleted',
    'FactRetired',
    'FactRetired',
    'ProcedureLearned',
    'SessionSummarised',
  ]);
  expect(new Set(own.map(({ command }) => command)).size).toBe(5);
  await rig.client.memory.undoConsolidation(user, { actor: 'user:ops' });
  const texts = (rows: typeof before): string[] => rows.map(({ fact, text }) => `${fact} ${text}`).toSorted();
  expect(texts(await rig.client.memory.list({ scope: { user } }))).toEqual(texts(before));
  expect(await rig.client.memory.procedures({ scope: { user } })).toMatchObject([{ version: null }]);
});
