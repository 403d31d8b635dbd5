import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { approvingAgent, extractingAgent } from '../workflows/fixtures/agents.ts';
import { closedHistory } from '../support/histories.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';

const histories = join(import.meta.dirname, '..', 'histories');
const files = readdirSync(histories, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));

interface GoldenHistory {
  readonly workflowId: string;
  readonly encoding: string;
  readonly history: string;
}

function readGolden(name: string): { readonly workflowId: string; readonly bytes: Buffer } {
  const golden = JSON.parse(readFileSync(join(histories, name), 'utf8')) as GoldenHistory;
  expect(golden.encoding).toBe('temporal-history-protobuf+base64');
  return { workflowId: golden.workflowId, bytes: Buffer.from(golden.history, 'base64') };
}

async function replay(workflowBundle: WorkflowBundleOption, bytes: Uint8Array, workflowId: string): Promise<void> {
  const history = proto.temporal.api.history.v1.History.decode(bytes);
  await Worker.runReplayHistory({ workflowBundle }, history, workflowId);
}

const current = (): WorkflowBundleOption => ({ codePath: inject('servers').workflowBundle });

describe('golden histories', () => {
  test('there are some of every released way through a turn', () => {
    for (const name of ['plain', 'tool', 'approval-edit', 'failed', 'cancelled']) {
      expect(files).toContain(join('v0.1.0', `${name}.json`));
    }
  });

  test('there is one of every workflow', () => {
    const recorded = files.map((name) => {
      const { events } = proto.temporal.api.history.v1.History.decode(readGolden(name).bytes);
      return events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name;
    });
    const index = readFileSync(join(import.meta.dirname, '..', '..', 'workflows', 'index.ts'), 'utf8');
    const workflows = [...index.matchAll(/^export \{ ([\w, ]+) \}/gm)].flatMap(([, names]) =>
      (names ?? '').split(', '),
    );
    expect(workflows).toEqual(expect.arrayContaining(['agentTurn', 'consolidate', 'consolidateDue']));
    expect(workflows.filter((name) => !recorded.includes(name))).toEqual([]);
  });

  test.for(files)('%s replays with the workflows of today', async (name) => {
    const { workflowId, bytes } = readGolden(name);
    await replay(current(), bytes, workflowId);
  });

  test.for(files)('%s names no machine', (name) => {
    const { bytes } = readGolden(name);
    expect(bytes.toString('latin1')).not.toMatch(/\d+@[a-z]|node_modules|file:\/\//);
  });
});

describe('a workflow that was changed', () => {
  let changed: WorkflowBundleOption;
  beforeAll(async () => {
    const workflowsPath = fileURLToPath(new URL('./fixtures/changed-workflow.ts', import.meta.url));
    const silent = (): void => undefined;
    const logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: console.error };
    changed = await bundleWorkflowCode({ workflowsPath, logger });
  });

  test.for(['plain', 'tool', 'approval-edit'])('does not replay %s: it skips an activity', async (name) => {
    const { workflowId, bytes } = readGolden(join('v0.1.0', `${name}.json`));
    await expect(replay(changed, bytes, workflowId)).rejects.toMatchObject({
      name: 'DeterminismViolationError',
    });
  });
});

describe('archived histories', () => {
  const database = withDatabase();
  const rig = withRig(database, [extractingAgent, approvingAgent]);

  const archivedHistory = (turn: string) =>
    until(`the archive of ${turn}`, async () => rig.client.turns.history(turn).catch(() => undefined));

  test('appear after the turn, whole, and replay', async () => {
    const turn = 'archived';
    const message = 'My dog is called Bruno.';
    await rig.client.turns.send({ turn, thread: turn, user: 'ana', message, agent: 'extracting' });
    const archived = await archivedHistory(turn);
    const inTemporal = await closedHistory(rig, turn);
    expect(archived.events).toBe(inTemporal.events);
    // Compared as messages: the server gives maps in any order.
    const { History } = proto.temporal.api.history.v1;
    expect(History.decode(archived.history)).toEqual(History.decode(inTemporal.bytes));
    await replay(current(), archived.history, archived.workflowId);
  });

  test('are kept for failed turns too', async () => {
    const turn = 'archived-failure';
    await rig.client.turns.send({ turn, thread: turn, message: 'Hello', agent: 'nobody' });
    const archived = await archivedHistory(turn);
    await replay(current(), archived.history, archived.workflowId);
  });

  test('are not there while the turn goes on, and say so', async () => {
    const turn = 'archived-later';
    const message = 'Use the tool ask_first with {"note": "x"}';
    const { waitingFor } = await rig.client.turns.send({ turn, thread: turn, message, agent: 'approving' });
    await expect(rig.client.turns.history(turn)).rejects.toMatchObject({ code: 'HISTORY_NOT_ARCHIVED' });
    for (const approval of waitingFor) {
      await rig.client.approvals.decide({ approval, decision: 'reject', actor: 'mia' });
    }
    const archived = await archivedHistory(turn);
    await replay(current(), archived.history, archived.workflowId);
  });

  test('are archived once, however many workers do it', async () => {
    await rig.startHere([extractingAgent]);
    const turn = 'archived-once';
    await rig.client.turns.send({ turn, thread: turn, message: 'Hello', agent: 'extracting' });
    await archivedHistory(turn);
    // A later turn's archive shows that every archiver has come by again.
    await rig.client.turns.send({ turn: `${turn}-2`, thread: turn, message: 'Hello', agent: 'extracting' });
    await archivedHistory(`${turn}-2`);
    const stream = await Array.fromAsync(database.store.readStream('default', `history/${turn}`));
    expect(stream.map(({ type }) => type)).toEqual(['HistoryArchived']);
  });
});
