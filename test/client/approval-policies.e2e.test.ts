import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import type { EscalationNotice } from '../../agents/index.ts';
import { AllowanceNotFoundError, ApprovalNotFoundError, InvalidDecisionError } from '../../client/index.ts';
import { decideSignal, decideUpdate } from '../../workflows/messages.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import { closedHistory, workflowOf } from '../support/histories.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { payingAgent, payments } from './fixtures/paying-agent.ts';

const told: EscalationNotice[] = [];
const input = z.object({ note: z.string() });
const execute = ({ note }: { note: string }): string => {
  payments.push({ amount: 0, note });
  return 'done';
};

const escalatingAgent = defineAgent({
  name: 'escalating',
  instructions: 'You ask higher up.',
  tools: [
    defineTool({
      name: 'climb',
      description: 'Asks, then asks the lead.',
      input,
      approval: 'always',
      risk: 'high',
      approvalTimeoutMs: 300,
      onApprovalTimeout: { to: 'lead', timeoutMs: 60_000, notify: (notice) => void told.push(notice) },
      execute,
    }),
    defineTool({
      name: 'climb_briefly',
      description: 'Asks, then asks the lead for a moment.',
      input,
      approval: 'always',
      approvalTimeoutMs: 300,
      onApprovalTimeout: {
        to: 'lead',
        timeoutMs: 300,
        notify: () => {
          throw new Error('the pager is broken');
        },
      },
      execute,
    }),
  ],
  memory: { extract: false },
});

const database = withDatabase();
const rig = withRig(database, [payingAgent, escalatingAgent]);

beforeEach(() => {
  payments.length = 0;
  told.length = 0;
});

const message = (tool: string, args: object): string => `Use the tool ${tool} with ${JSON.stringify(args)}`;

/** Sends a turn that wants to pay; gives its approval, or undefined when it did not ask. */
async function askToPay(turn: string, thread = turn): Promise<string | undefined> {
  const text = message('pay', { amount: 80, note: `for ${turn}` });
  return (await rig.client.turns.send({ turn, thread, message: text, agent: 'paying' })).waitingFor[0];
}

describe('an approval that is remembered', () => {
  test('lets later calls of the tool run in that thread, until it is revoked', async () => {
    const approval = (await askToPay('r1', 'remembering')) ?? '';
    await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia', remember: 'thread' });
    expect(await rig.client.turns.result('r1')).toMatchObject({ status: 'completed' });
    expect(await rig.client.approvals.allowed({ thread: 'remembering' })).toMatchObject([
      { thread: 'remembering', branch: 'main', tool: 'pay', approval, actor: 'mia' },
    ]);

    expect(await askToPay('r2', 'remembering')).toBeUndefined();
    expect(payments.map(({ note }) => note)).toEqual(['for r1', 'for r2']);
    const waived = (await readTurnLog(database.admin, 'r2')).find(({ type }) => type === 'ApprovalWaived');
    expect(waived?.data).toMatchObject({ tool: 'pay', step: 1, ordinal: 0, allowedBy: approval });
    // The thread, nothing else.
    const elsewhere = (await askToPay('r3', 'another thread')) ?? '';
    await rig.client.approvals.decide({ approval: elsewhere, decision: 'reject', actor: 'mia' });

    const revoked = { thread: 'remembering', tool: 'pay', actor: 'tom' };
    expect(await rig.client.approvals.revoke(revoked)).toMatchObject({ approval, actor: 'mia' });
    expect(await rig.client.approvals.allowed()).toEqual([]);
    await expect(rig.client.approvals.revoke(revoked)).rejects.toThrow(AllowanceNotFoundError);
    const asksAgain = (await askToPay('r4', 'remembering')) ?? '';
    expect(asksAgain).toBe('r4.1.0');
    await rig.client.approvals.decide({ approval: asksAgain, decision: 'reject', actor: 'mia' });
    expect(payments).toHaveLength(2);
  });

  test('goes with "approve" only', async () => {
    const approval = (await askToPay('r5')) ?? '';
    const wrong = rig.client.approvals.decide({ approval, decision: 'reject', actor: 'mia', remember: 'thread' });
    await expect(wrong).rejects.toThrow(InvalidDecisionError);
    expect(await rig.client.approvals.get(approval)).toMatchObject({ decision: null });
    await rig.client.approvals.decide({ approval, decision: 'reject', actor: 'mia' });
  });
});

describe('a deadline that escalates', () => {
  const ask = (turn: string, tool: string) =>
    rig.client.turns.send({ turn, thread: turn, message: message(tool, { note: turn }), agent: 'escalating' });

  test('asks somebody else, who may still approve', async () => {
    const [approval = ''] = (await ask('climbing', 'climb')).waitingFor;
    expect(await rig.client.approvals.get(approval)).toMatchObject({
      risk: 'high',
      onTimeout: 'escalate',
      escalatedTo: null,
    });
    const passed = await until('the escalation', async () => {
      const row = await rig.client.approvals.get(approval);
      return row.escalatedTo === null ? undefined : row;
    });
    expect(passed).toMatchObject({ escalatedTo: 'lead', decision: null, turnEnded: false });
    expect(passed.deadline.getTime()).toBeGreaterThan(Date.now() + 30_000);
    expect(told).toMatchObject([{ approval, tool: 'climb', to: 'lead', turn: 'climbing', tenant: 'default' }]);
    await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'lead' });
    expect(await rig.client.turns.result('climbing')).toMatchObject({ status: 'completed' });
    expect(payments).toHaveLength(1);
  });

  test('rejects in the end, also when nobody could be told', async () => {
    const [approval = ''] = (await ask('unheard', 'climb_briefly')).waitingFor;
    const result = await until('the end', async () => {
      const now = await rig.client.turns.get('unheard');
      return now.status === 'completed' ? now : undefined;
    });
    expect(result.steps).toBe(2);
    expect(await rig.client.approvals.get(approval)).toMatchObject({
      escalatedTo: 'lead',
      decision: { decision: 'reject', timedOut: true },
    });
    expect(payments).toEqual([]);
    expect(countTypes(await readTurnLog(database.admin, 'unheard'))).toMatchObject({
      ApprovalEscalated: 1,
      ApprovalDecided: 1,
    });
  });
});

describe('a decision sent to the workflow itself', () => {
  const signal = (turn: string, decision: unknown) =>
    workflowOf(rig, turn).signal(decideSignal, decision as DecisionMessage);
  const update = (turn: string, decision: unknown) =>
    workflowOf(rig, turn).executeUpdate(decideUpdate, { args: [decision as DecisionMessage] });

  test('by signal: recorded and carried out', async () => {
    const approval = (await askToPay('signalled')) ?? '';
    await signal('signalled', { approval, decision: 'approve', actor: 'mia', reason: 'fine' });
    await until('the end', async () =>
      (await rig.client.turns.get('signalled')).status === 'completed' ? true : undefined,
    );
    expect(await rig.client.approvals.get(approval)).toMatchObject({
      decision: { decision: 'approve', actor: 'mia', reason: 'fine' },
    });
    expect(payments).toHaveLength(1);
  });

  test('by update: the first wins, everybody else gets what stands', async () => {
    const approval = (await askToPay('updated')) ?? '';
    const outcomes = await Promise.all([
      update('updated', { approval, decision: 'approve', actor: 'person-0' }),
      update('updated', { approval, decision: 'reject', actor: 'person-1' }),
      rig.client.approvals.decide({ approval, decision: 'approve', actor: 'person-2' }),
    ]);
    expect(outcomes.filter(({ applied }) => applied)).toHaveLength(1);
    const stands = (await rig.client.approvals.get(approval)).decision;
    expect(outcomes.slice(0, 2)).toMatchObject([
      { decision: stands?.decision, actor: stands?.actor, position: stands?.position },
      { decision: stands?.decision, actor: stands?.actor, position: stands?.position },
    ]);
    expect(countTypes(await readTurnLog(database.admin, 'updated'))).toMatchObject({
      ApprovalDecided: 1,
      ApprovalDecisionIgnored: 2,
    });
    await rig.client.turns.result('updated');
  });

  test('that does not fit is recorded and not applied; the turn goes on waiting', async () => {
    const approval = (await askToPay('misfit')) ?? '';
    const misfits = [
      { approval, decision: 'approve', actor: 'a', argumentsHash: 'abc' },
      { approval, decision: 'edit', actor: 'b', arguments: { amount: -1, note: 'x' } },
      { approval, decision: 'respond', actor: 'c' },
    ];
    for (const misfit of misfits) {
      expect(await update('misfit', misfit)).toMatchObject({
        applied: false,
        decision: null,
        refused: 'INVALID_DECISION',
      });
    }
    expect(await update('misfit', { approval: 'other.1.0', decision: 'approve', actor: 'a' })).toMatchObject({
      applied: false,
      refused: 'APPROVAL_NOT_FOUND',
    });
    await expect(update('misfit', { approval, decision: 'perhaps', actor: 'a' })).rejects.toThrow();
    for (const junk of [null, 7, 'approve', {}, { approval }, { approval, decision: 'approve', actor: '' }]) {
      await signal('misfit', junk);
    }
    const ignored = (await readTurnLog(database.admin, 'misfit')).filter(
      ({ type }) => type === 'ApprovalDecisionIgnored',
    );
    expect(ignored.map(({ data }) => data['why'])).toEqual(['arguments_changed', 'invalid', 'invalid']);
    expect(await rig.client.turns.get('misfit')).toMatchObject({ status: 'waiting' });
    const edited = { amount: 3, note: 'edited' };
    expect(await update('misfit', { approval, decision: 'edit', actor: 'd', arguments: edited })).toMatchObject({
      applied: true,
      decision: 'edit',
    });
    await until('the end', async () =>
      (await rig.client.turns.get('misfit')).status === 'completed' ? true : undefined,
    );
    expect(payments).toEqual([edited]);
    await closedHistory(rig, 'misfit');
  });

  test('about an approval of another turn is refused, and applied to neither', async () => {
    const [mine, theirs] = [(await askToPay('wrong-a')) ?? '', (await askToPay('wrong-b')) ?? ''];
    const { argumentsHash } = await rig.client.approvals.get(theirs);
    for (const decision of ['approve', 'reject'] as const) {
      expect(await update('wrong-a', { approval: theirs, decision, actor: 'mia' })).toEqual({
        ...{ approval: theirs, applied: false, decision: null, actor: null, position: 0 },
        refused: 'APPROVAL_NOT_FOUND',
      });
    }
    await signal('wrong-a', { approval: theirs, decision: 'approve', actor: 'mia' });
    // What was looked at was another turn's question.
    const mixed = rig.client.approvals.decide({ approval: mine, decision: 'approve', actor: 'mia', argumentsHash });
    await expect(mixed).rejects.toThrow(InvalidDecisionError);
    await expect(mixed).rejects.toThrow(/is about arguments .*, the approval asks about/);
    // Behind the signal: when it is answered, the signal has been looked at.
    expect(await update('wrong-a', { approval: mine, decision: 'reject', actor: 'tom' })).toMatchObject({
      applied: true,
    });
    expect((await rig.client.turns.result('wrong-a')).status).toBe('completed');
    expect(await rig.client.approvals.get(theirs)).toMatchObject({ decision: null, turnEnded: false });
    expect(await rig.client.turns.get('wrong-b')).toMatchObject({ status: 'waiting', waitingFor: [theirs] });
    expect(countTypes(await readTurnLog(database.admin, 'wrong-b'))).not.toHaveProperty('ApprovalDecided');
    expect(payments).toEqual([]);
    await rig.client.approvals.decide({ approval: theirs, decision: 'reject', actor: 'tom' });
  });
});

test('ten approvals of one step, decided in any order and in batches', async () => {
  const turn = 'ten';
  const calls = Array.from({ length: 10 }, (_, n) => ({
    name: 'pay',
    arguments: JSON.stringify({ amount: n + 1, note: 'n' }),
  }));
  let asked = false;
  rig.script(({ body }) => {
    // What runs behind the reply of an earlier turn asks the same model.
    if (asked || !JSON.stringify(body).includes('Pay all ten')) return undefined;
    asked = true;
    return { kind: 'reply', calls };
  });
  const waiting = await rig.client.turns.send({ turn, thread: turn, message: 'Pay all ten', agent: 'paying' });
  rig.script(undefined);
  expect(waiting.waitingFor).toHaveLength(10);
  const shuffled = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5].map((n) => `ten.1.${n}`);
  const approve = (approval: string) => ({ approval, decision: 'approve' as const, actor: 'mia' });
  const results = await rig.client.approvals.decideAll([
    ...shuffled.slice(0, 4).map(approve),
    approve('ten.1.99'),
    { approval: 'ten.1.5', decision: 'edit', actor: 'mia', arguments: { amount: -5, note: 'n' } },
  ]);
  expect(results.slice(0, 4).map(({ outcome }) => outcome?.applied)).toEqual([true, true, true, true]);
  expect(results[4]?.error).toBeInstanceOf(ApprovalNotFoundError);
  expect(results[5]?.error).toBeInstanceOf(InvalidDecisionError);
  await Promise.all([
    ...shuffled.slice(4, 7).map((approval) => rig.client.approvals.decide(approve(approval))),
    ...shuffled.slice(7).map((approval) => rig.client.approvals.decide({ approval, decision: 'reject', actor: 'tom' })),
  ]);
  expect(
    await until('the end', async () => {
      const now = await rig.client.turns.get(turn);
      return now.status === 'completed' ? now : undefined;
    }),
  ).toMatchObject({ steps: 2 });
  expect(payments.map(({ amount }) => amount).sort((a, b) => a - b)).toEqual([1, 2, 3, 5, 8, 9, 10]);
  expect(countTypes(await readTurnLog(database.admin, turn))).toMatchObject({ ApprovalDecided: 10, ToolCompleted: 10 });
});
