import { beforeEach, expect, test } from 'vitest';
import { ApprovalNotFoundError, InvalidDecisionError } from '../../client/index.ts';
import type { ApprovalDecision } from '../../client/index.ts';
import { closedHistory, workflowOf } from '../support/histories.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { payingAgent, payments } from './fixtures/paying-agent.ts';

const database = withDatabase();
const rig = withRig(database, [payingAgent]);

beforeEach(() => {
  payments.length = 0;
});

/** Sends a turn that asks whether it may pay, and gives its approval. */
async function askToPay(turn: string, tool: 'pay' | 'pay_soon' = 'pay'): Promise<string> {
  const message = `Use the tool ${tool} with {"amount": 80, "note": "for ${turn}"}`;
  const result = await rig.client.turns.send({ turn, thread: turn, message, agent: 'paying' });
  expect(result).toMatchObject({ status: 'waiting', waitingFor: [`${turn}.1.0`] });
  return `${turn}.1.0`;
}

async function toldModel(turn: string): Promise<string> {
  const { steps } = await rig.client.turns.explain(turn);
  return steps[1]?.prompt.find(({ role }) => role === 'tool')?.content ?? '';
}

const decide = (decision: ApprovalDecision) => rig.client.approvals.decide(decision);

test('approve: the tool runs once, with the arguments that were asked about', async () => {
  const approval = await askToPay('approved');
  const asked = await rig.client.approvals.get(approval);
  expect(asked).toMatchObject({ tool: 'pay', arguments: { amount: 80, note: 'for approved' }, decision: null });
  expect(asked.reason).toBe('payment of 80');
  expect(payments).toEqual([]);
  const { argumentsHash } = asked;
  const outcome = await decide({ approval, decision: 'approve', actor: 'mia', argumentsHash });
  expect(outcome).toMatchObject({ applied: true, approval: { decision: { decision: 'approve', actor: 'mia' } } });
  expect(await rig.client.turns.result('approved')).toMatchObject({ status: 'completed', steps: 2, waitingFor: [] });
  expect(payments).toEqual([{ amount: 80, note: 'for approved' }]);
});

test('edit: the edited amount is paid, and Temporal never sees it', async () => {
  const approval = await askToPay('edited');
  const edited = { amount: 12.34, note: 'Zwiebelkuchen' };
  await decide({ approval, decision: 'edit', arguments: edited, actor: 'mia' });
  expect(await rig.client.turns.result('edited')).toMatchObject({ status: 'completed' });
  expect(payments).toEqual([edited]);
  const done = (await readTurnLog(database.admin, 'edited')).find(({ type }) => type === 'ToolCompleted');
  expect(done?.data).toMatchObject({ arguments: edited, outcome: 'ok' });
  const { events, bytes } = await closedHistory(rig, 'edited');
  console.log(`history of an approval turn: ${events} events, ${bytes.length} bytes`);
  expect(bytes.includes(approval)).toBe(true);
  expect(['Zwiebelkuchen', '12.34', 'for edited'].filter((text) => bytes.includes(text))).toEqual([]);
});

test('edit that breaks the schema: refused, nothing is decided', async () => {
  const approval = await askToPay('misedited');
  for (const edited of [{ amount: -1, note: 'x' }, { amount: 'ten', note: 'x' }, { note: 'x' }, null]) {
    const refused = decide({ approval, decision: 'edit', arguments: edited, actor: 'mia' });
    await expect(refused).rejects.toThrow(InvalidDecisionError);
  }
  expect(await rig.client.approvals.get(approval)).toMatchObject({ decision: null });
  expect(await rig.client.turns.get('misedited')).toMatchObject({ status: 'waiting' });
  expect(countTypes(await readTurnLog(database.admin, 'misedited'))).not.toHaveProperty('ApprovalDecided');
  await decide({ approval, decision: 'approve', actor: 'mia' });
  expect(await rig.client.turns.result('misedited')).toMatchObject({ status: 'completed' });
  expect(payments).toHaveLength(1);
});

test('reject: nothing is paid and the model gets the reason', async () => {
  const approval = await askToPay('rejected');
  await decide({ approval, decision: 'reject', reason: 'the order is too old', actor: 'mia' });
  expect(await rig.client.turns.result('rejected')).toMatchObject({ status: 'completed' });
  expect(payments).toEqual([]);
  expect(await toldModel('rejected')).toBe('Rejected by mia: the order is too old');
});

test('respond: nothing is paid and the model gets the words', async () => {
  const approval = await askToPay('responded');
  await expect(decide({ approval, decision: 'respond', actor: 'mia' })).rejects.toThrow(InvalidDecisionError);
  await decide({ approval, decision: 'respond', message: 'Offer a voucher instead.', actor: 'mia' });
  expect(await rig.client.turns.result('responded')).toMatchObject({ status: 'completed' });
  expect(payments).toEqual([]);
  expect(await toldModel('responded')).toBe('Offer a voucher instead.');
});

test('a deadline that passes rejects', async () => {
  const approval = await askToPay('expired', 'pay_soon');
  const result = await until('the deadline', async () => {
    const now = await rig.client.turns.get('expired');
    return now.status === 'completed' ? now : undefined;
  });
  expect(result.steps).toBe(2);
  expect(await rig.client.approvals.get(approval)).toMatchObject({
    decision: { decision: 'reject', actor: 'holdfast:deadline', timedOut: true },
  });
  expect(payments).toEqual([]);
  expect(await toldModel('expired')).toMatch(/nobody decided in time/);
});

test('deciding twice: the same is harmless, another one is recorded and not applied', async () => {
  const approval = await askToPay('double');
  const first = await decide({ approval, decision: 'approve', actor: 'mia' });
  const again = await decide({ approval, decision: 'approve', actor: 'mia' });
  const other = await decide({ approval, decision: 'reject', actor: 'tom' });
  expect([first.applied, again.applied, other.applied]).toEqual([true, true, false]);
  expect(other.approval.decision).toMatchObject({ decision: 'approve', actor: 'mia' });
  await rig.client.turns.result('double');
  expect(payments).toHaveLength(1);
  const counts = countTypes(await readTurnLog(database.admin, 'double'));
  expect(counts).toMatchObject({ ApprovalDecided: 1, ApprovalDecisionIgnored: 1 });
});

test('ten people decide at once: one decision is applied, the nine others get it', async () => {
  const approval = await askToPay('crowded');
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      decide({ approval, decision: index % 2 === 0 ? 'approve' : 'reject', actor: `person-${index}` }),
    ),
  );
  expect(outcomes.filter(({ applied }) => applied)).toHaveLength(1);
  const winner = outcomes.find(({ applied }) => applied)?.approval.decision;
  for (const outcome of outcomes) expect(outcome.approval.decision).toEqual(winner);
  await rig.client.turns.result('crowded');
  expect(payments).toHaveLength(winner?.decision === 'approve' ? 1 : 0);
  const counts = countTypes(await readTurnLog(database.admin, 'crowded'));
  expect(counts).toMatchObject({ ApprovalDecided: 1, ApprovalDecisionIgnored: 9, ToolCompleted: 1 });
});

test('a decision about other arguments than those asked about is refused', async () => {
  const approval = await askToPay('stale');
  const stale = decide({ approval, decision: 'approve', actor: 'mia', argumentsHash: 'abc' });
  await expect(stale).rejects.toThrow(/about arguments abc/);
  expect(await rig.client.approvals.get(approval)).toMatchObject({ decision: null });
  const ignored = (await readTurnLog(database.admin, 'stale')).filter(({ type }) => type === 'ApprovalDecisionIgnored');
  expect(ignored.map(({ data }) => data['why'])).toEqual(['arguments_changed']);
  await decide({ approval, decision: 'reject', actor: 'mia' });
});

test('a decision after the turn has ended is recorded and not applied', async () => {
  const approval = await askToPay('late');
  await workflowOf(rig, 'late').cancel();
  await until('the turn has ended', async () => {
    const { status } = await rig.client.turns.get('late');
    return status === 'aborted' ? true : undefined;
  });
  const outcome = await decide({ approval, decision: 'approve', actor: 'mia' });
  expect(outcome).toMatchObject({ applied: false, approval: { decision: null, turnEnded: true } });
  const events = await readTurnLog(database.admin, 'late');
  expect(events.at(-1)?.data).toMatchObject({ approval, decision: 'approve', why: 'turn_ended' });
  expect(payments).toEqual([]);
});

test('an approval that does not exist is named in the refusal', async () => {
  const unknown = decide({ approval: 'nothing.1.0', decision: 'approve', actor: 'mia' });
  await expect(unknown).rejects.toThrow(ApprovalNotFoundError);
});

test('two approvals of one step are decided each on its own, in any order', async () => {
  const turn = 'both';
  const calls = [1, 2].map((amount) => ({ name: 'pay', arguments: JSON.stringify({ amount, note: 'n' }) }));
  let asked = false;
  rig.script(() => {
    if (asked) return undefined;
    asked = true;
    return { kind: 'reply', calls };
  });
  const waiting = await rig.client.turns.send({ turn, thread: turn, message: 'Pay both', agent: 'paying' });
  rig.script(undefined);
  expect(waiting.waitingFor).toEqual(['both.1.0', 'both.1.1']);
  await decide({ approval: 'both.1.1', decision: 'approve', actor: 'mia' });
  await until('the second call is done', () => (payments.length === 1 ? true : undefined));
  expect(await rig.client.turns.get(turn)).toMatchObject({ status: 'waiting', waitingFor: ['both.1.0'] });
  await decide({ approval: 'both.1.0', decision: 'approve', actor: 'mia' });
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed' });
  expect(payments.map(({ amount }) => amount)).toEqual([2, 1]);
});

test('a decision whose signal never came is found in the log', { timeout: 60_000 }, async () => {
  const approval = await askToPay('unsignalled');
  const stream = `approval/${approval}`;
  const ref = { thread: 'unsignalled', branch: 'main', turn: 'unsignalled' };
  // What a process leaves behind that dies between the decision and the signal.
  await database.store.append('default', {
    id: `${stream}/approve/mia`,
    streams: [{ name: stream, expectedVersion: 'some', seal: true }],
    events: [
      {
        type: 'ApprovalDecided',
        stream,
        data: {
          ...ref,
          approval,
          decision: 'approve',
          actor: 'mia',
          reason: null,
          arguments: null,
          message: null,
          timedOut: false,
        },
      },
    ],
  });
  expect(await rig.client.turns.result('unsignalled', { timeoutMs: 40_000 })).toMatchObject({ status: 'completed' });
  expect(payments).toHaveLength(1);
});

test('a second, different edit by the same person is not applied, and recorded', async () => {
  const approval = await askToPay('second-thought');
  const first = await decide({ approval, decision: 'edit', arguments: { amount: 1, note: 'a' }, actor: 'mia' });
  const second = await decide({ approval, decision: 'edit', arguments: { amount: 2, note: 'b' }, actor: 'mia' });
  expect([first.applied, second.applied]).toEqual([true, false]);
  expect(await rig.client.turns.result('second-thought')).toMatchObject({ status: 'completed' });
  expect(payments).toEqual([{ amount: 1, note: 'a' }]);
  expect(countTypes(await readTurnLog(database.admin, 'second-thought'))).toMatchObject({
    ApprovalDecided: 1,
    ApprovalDecisionIgnored: 1,
  });
});

test('everything that is said about a user names the user as its subject', async () => {
  const turn = 'about-ana';
  const message = 'Use the tool pay with {"amount": 80, "note": "x"}';
  const waiting = await rig.client.turns.send({ turn, thread: turn, message, agent: 'paying', user: 'ana' });
  await decide({
    approval: waiting.waitingFor[0] ?? '',
    decision: 'edit',
    arguments: { amount: 3, note: 'y' },
    actor: 'mia',
  });
  await rig.client.turns.result(turn);
  await closedHistory(rig, turn);
  const { rows } = await database.admin.query<{ type: string; subjects: string[] | null }>(
    `select type, subjects from event where data ->> 'turn' = $1 or data -> 'source' ->> 'turn' = $1`,
    [turn],
  );
  const textless = ['ToolStarted', 'TurnCompleted', 'HistoryArchived'];
  expect(rows.length).toBeGreaterThan(5);
  for (const { type, subjects } of rows)
    if (!textless.includes(type)) expect({ type, subjects }).toEqual({ type, subjects: ['user:ana'] });
});
