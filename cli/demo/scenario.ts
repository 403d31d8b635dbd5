import { replayTurn } from '../../worker/replay-turn.ts';
import type { Stage } from './stage.ts';
import { demoUser, sendInBackground } from './stage.ts';

/** What the parts found out, for the closing figures. */
export interface Tally {
  /** Turns whose answer this process received. */
  readonly acknowledged: Set<string>;
  /** Worker processes that really ended by SIGKILL. */
  kills: number;
  approvals: number;
  replayed: number;
  /** Everything that did not go as promised, in words. */
  readonly complaints: string[];
}

/** Part 1: a conversation, a correction, a how-to, and a new thread that recalls them. */
export async function converse(stage: Stage, tally: Tally): Promise<void> {
  stage.presenter.part(1, 'A conversation that is remembered');
  const turns = [
    ['t-hello', "Hi, I'm Ana Ruiz from Lisbon. I run with my dog Bruno and I prefer to be contacted by email."],
    ['t-order', 'Where is my order A-1001?'],
    ['t-correction', 'Actually, I prefer to be contacted by SMS, not email.'],
    [
      't-howto',
      'For the record: to return shoes, first open the returns page, then print the label, then drop the parcel at a post office.',
    ],
  ] as const;
  for (const [turn, message] of turns) await acknowledge(tally, turn, stage.say('ana-1', message, turn));
  await acknowledge(
    tally,
    't-recall',
    stage.say('ana-2', 'How should you contact me, and how do I return shoes?', 't-recall'),
  );

  const explained = await stage.client.turns.explain('t-recall');
  const recalled = await stage.prove(
    'What the new thread recalled, from where and why: recorded with the step, not searched again',
    `select i ->> 'label' as label, i ->> 'kind' as kind, d.content as memory, d.thread || '/' || d.turn as "from", i ->> 'reason' as why
     from holdfast.stream s join holdfast.event e on e.tenant = s.tenant and e.stream = s.no and e.type = 'StepCompleted',
       json_array_elements(e.data -> 'retrieval' -> 'items') i
     join holdfast.memory_document d on d.tenant = $1 and d.id = i ->> 'id'
     where s.tenant = $1 and s.name = 'turn/t-recall' and i ->> 'label' is not null and i ->> 'kind' <> 'round'
     order by (i ->> 'score')::float desc limit 4`,
  );
  if (recalled.length === 0) tally.complaints.push('the new thread recalled nothing');
  if (!explained.steps.every(({ promptMatches }) => promptMatches))
    tally.complaints.push('a recorded prompt does not match');
  await stage.prove(
    'The corrected preference: the old one ended where the new one began; nothing was deleted',
    `select relation, value, from_pos, to_pos, valid_from from holdfast.fact
     where tenant = $1 and relation = 'prefers_contact' order by from_pos`,
  );
}

/** What each turn of part 2 asks to remember. */
const memoriesPerTurn = 5;

/** Part 2: the worker dies by SIGKILL at three places of a turn that writes five memories. */
export async function kill(stage: Stage, tally: Tally): Promise<void> {
  stage.presenter.part(2, 'SIGKILL in the middle of five memory writes');
  await killAt(stage, tally, {
    turn: 't-kill-1',
    failpoint: 'step.model_answered@t-kill-1',
    where: 'after the model answered, before the commit',
    expected: 0,
    message:
      'Please remember these five things: 1) my shoe size is 42; 2) I like trail running; 3) I am allergic to wool; 4) my birthday is 3 May; 5) my favourite colour is green',
  });
  await killInsideCommit(stage, tally);
  await killAt(stage, tally, {
    turn: 't-kill-3',
    failpoint: 'step.committed@t-kill-3',
    where: 'after the commit, before Temporal hears of it',
    expected: memoriesPerTurn,
    message:
      'Please remember these five things: 1) my sister is called Marta; 2) I like oat milk; 3) my rucksack is blue; 4) my tent holds two people; 5) my bike is a gravel bike',
  });
  await stage.prove(
    'Each of the three turns: five memory writes of its one step command, one terminal event',
    `select replace(c.id, '/step/1', '') as turn, count(*) filter (where e.type in ('FactAsserted', 'ProcedureLearned')) as memory_writes,
       (select count(*) from holdfast.event x join holdfast.stream s on s.tenant = x.tenant and s.no = x.stream
         where x.tenant = $1 and s.name = replace(c.id, '/step/1', '') and x.type in ('TurnCompleted', 'TurnFailed', 'TurnAborted')) as terminal_events
     from holdfast.command c
     join holdfast.event e on e.tenant = c.tenant and e.position between c.first_position and c.last_position
     where c.tenant = $1 and c.id like 'turn/t-kill-%/step/1' group by c.id order by c.id`,
  );
}

async function killAt(
  stage: Stage,
  tally: Tally,
  {
    turn,
    failpoint,
    where,
    expected,
    message,
  }: { turn: string; failpoint: string; where: string; expected: number; message: string },
): Promise<void> {
  const worker = await stage.restartWorker({ failpoint });
  const sent = sendInBackground(stage, 'ana-1', message, turn);
  const { signal } = await worker.exited;
  if (signal === 'SIGKILL') tally.kills += 1;
  else tally.complaints.push(`the kill ${where} did not land`);
  const writes = await writesOf(stage, turn);
  stage.presenter.note(
    `worker ${worker.pid} died by ${signal ?? 'an exit'} ${where}: ${writes} of its memory writes are in the log`,
    { turn, where, signal, writes },
  );
  expectWrites(stage, tally, `at the kill ${where}`, writes, expected);
  await recover(stage, tally, turn, message, sent);
}

/** The commit is held inside PostgreSQL by the log's own lock, so that the kill falls between sending and committing. */
async function killInsideCommit(stage: Stage, tally: Tally): Promise<void> {
  const turn = 't-kill-2';
  const where = 'inside the commit';
  const message =
    'Please remember these five things: 1) my employer is Atlas Maps; 2) I like night hikes; 3) I am allergic to nuts; 4) my car is electric; 5) my neighbour is called Rui';
  // The archiver of this worker appends too; only the step may be waiting for the lock.
  await stage.until('the histories of earlier turns', async () => {
    const [left] = await stage.query(
      `select count(*)::int as n from holdfast.turn_end e where e.tenant = $1
       and not exists (select from holdfast.history h where h.tenant = e.tenant and h.turn = e.turn)`,
    );
    return left?.['n'] === 0;
  });
  // Nobody works while the turn is requested: the lock is held before the step can commit.
  await stage.stopWorker();
  const sent = sendInBackground(stage, 'ana-1', message, turn);
  await stage.until(
    'the turn to be requested',
    async () => (await stage.query('select 1 from holdfast.turn where tenant = $1 and turn = $2', [turn]))[0],
  );
  const release = await stage.holdHead();
  const worker = await stage.restartWorker();
  await stage.until('the commit to wait inside PostgreSQL', async () => {
    const [waiting] = await stage.query(
      `select 1 from pg_stat_activity where $1::int is not null and application_name = 'holdfast worker' and wait_event_type = 'Lock'`,
    );
    return waiting;
  });
  const before = await writesOf(stage, turn);
  worker.kill();
  const { signal } = await worker.exited;
  await release();
  if (signal === 'SIGKILL' && before === 0) tally.kills += 1;
  else tally.complaints.push(`the kill ${where} did not land`);
  stage.presenter.note(
    `worker ${worker.pid} died by ${signal ?? 'an exit'} ${where}, which PostgreSQL was still holding: ${before} of its memory writes were visible`,
    { turn, where, signal },
  );
  await recover(stage, tally, turn, message, sent);
}

async function recover(
  stage: Stage,
  tally: Tally,
  turn: string,
  message: string,
  sent: Promise<{ readonly reply: string | null }>,
): Promise<void> {
  const started = performance.now();
  await stage.restartWorker();
  await acknowledge(tally, turn, sent);
  const result = await stage.client.turns.result(turn);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  stage.presenter.said({
    turn,
    thread: result.thread,
    user: demoUser,
    message,
    reply: result.reply ?? `(${result.status})`,
  });
  const writes = await writesOf(stage, turn);
  stage.presenter.note(
    `another worker finished the turn within ${seconds} s of its own start: ${writes} memory writes, each once`,
    { turn, writes },
  );
  expectWrites(stage, tally, `after ${turn}`, writes, memoriesPerTurn);
  await stage.until(
    `the extraction of turn ${turn}`,
    async () => (await stage.query('select 1 from holdfast.extraction where tenant = $1 and turn = $2', [turn]))[0],
  );
}

/** What the demo model proposes is known, so five are five; what another model proposes is checked by the audit alone. */
function expectWrites(stage: Stage, tally: Tally, when: string, found: number, expected: number): void {
  if (stage.isScripted && found !== expected) tally.complaints.push(`${found} memory writes ${when}, not ${expected}`);
}

/** Memory writes of a turn's first step that are in the log. */
async function writesOf(stage: Stage, turn: string): Promise<number> {
  const [row] = await stage.query(
    `select count(*)::int as n from holdfast.command c
     join holdfast.event e on e.tenant = c.tenant and e.position between c.first_position and c.last_position
     where c.tenant = $1 and c.id = $2 and e.type in ('FactAsserted', 'ProcedureLearned')`,
    [`turn/${turn}/step/1`],
  );
  return Number(row?.['n'] ?? 0);
}

/** Part 3: a refund waits for a person, is edited, and outlives its worker. */
export async function approve(stage: Stage, tally: Tally): Promise<void> {
  stage.presenter.part(3, 'A refund that waits for a person');
  const turn = 't-refund';
  const message = 'Please refund 120 EUR for order A-1001';
  const waiting = await stage.say('ana-2', message, turn);
  const [id] = waiting.waitingFor;
  if (id === undefined) {
    tally.complaints.push('the refund did not ask for approval');
    return;
  }
  const approval = await stage.client.approvals.get(id);
  stage.presenter.note(`approval ${id} asks: ${approval.reason}; arguments ${JSON.stringify(approval.arguments)}`, {
    approval: id,
  });
  const worker = await stage.restartWorker();
  stage.presenter.note(`the worker was restarted during the wait (now process ${worker.pid})`);
  const edited = { ...(approval.arguments as object), amount: 80 };
  const { applied } = await stage.client.approvals.decide({
    approval: id,
    decision: 'edit',
    actor: 'kim',
    reason: 'the return label was 40 EUR',
    arguments: edited,
    argumentsHash: approval.argumentsHash,
  });
  stage.presenter.note(`kim edits the amount to 80 and approves${applied ? '' : ' (NOT applied)'}`);
  const done = await stage.client.turns.result(turn);
  await acknowledge(tally, turn, Promise.resolve(done));
  stage.presenter.said({ turn, thread: 'ana-2', user: demoUser, message, reply: done.reply ?? `(${done.status})` });
  const [row] = await stage.prove(
    'The edited amount was used',
    `select d.actor, d.decision, a.arguments ->> 'amount' as asked, o.arguments ->> 'amount' as used, o.outcome
     from holdfast.approval a join holdfast.approval_decision d on d.tenant = a.tenant and d.approval = a.approval
     join holdfast.tool_outcome o on o.tenant = a.tenant and o.turn = a.turn and o.step = a.step and o.ordinal = a.ordinal
     where a.tenant = $1 and a.turn = $2`,
    [turn],
  );
  if (row?.['used'] === '80' && row['outcome'] === 'ok') tally.approvals += 1;
  else tally.complaints.push('the approved amount was not used');
  const refunds = await shopRefunds(stage, turn);
  stage.presenter.proof("The shop's own books", `GET ${stage.shopUrl}/payments/refunds`, refunds);
  if (refunds.length !== 1 || refunds[0]?.['amount'] !== 80)
    tally.complaints.push(`the shop has ${refunds.length} refunds of this turn`);
}

async function shopRefunds(stage: Stage, turn: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${stage.shopUrl}/payments/refunds`);
  const body = (await response.json()) as Record<string, unknown>[] | { readonly refunds?: Record<string, unknown>[] };
  const refunds = Array.isArray(body) ? body : (body.refunds ?? []);
  return refunds.filter((refund) => JSON.stringify(refund).includes(`${stage.client.tenant}/turn/${turn}/`));
}

/** Part 4: an earlier state, and a recorded turn run again. */
export async function travel(stage: Stage, tally: Tally): Promise<void> {
  stage.presenter.part(4, 'Back in time');
  const before = await stage.client.threads.state({ thread: 'ana-1', at: { turn: 't-order' } });
  const now = await stage.client.threads.state({ thread: 'ana-1' });
  const contact = (state: typeof before): string =>
    state.facts.find(({ relation }) => relation === 'prefers_contact')?.value ?? '—';
  stage.presenter.note(
    `state after t-order: ${before.turns.length} turns, ${before.facts.length} facts; now: ${now.turns.length} turns, ${now.facts.length} facts`,
  );
  await stage.prove(
    'How to contact Ana, as known at the earlier checkpoint and now',
    `select p.at, p.position, f.value as contact from (values ('after t-order', $2::bigint), ('now', $3::bigint)) as p (at, position)
     join holdfast.fact f on f.tenant = $1 and f.relation = 'prefers_contact'
       and f.from_pos <= p.position and (f.to_pos is null or f.to_pos > p.position)`,
    [before.position, now.position],
  );
  if (contact(before) === contact(now)) tally.complaints.push('the earlier state shows the later preference');
  for (const turn of ['t-recall', 't-kill-1', 't-refund']) {
    await stage.until(
      `the archived history of ${turn}`,
      async () => (await stage.query('select 1 from holdfast.history where tenant = $1 and turn = $2', [turn]))[0],
    );
    const archived = await stage.client.turns.history(turn);
    const { events } = await replayTurn(archived);
    const { steps } = await stage.client.turns.explain(turn);
    const matching = steps.filter(({ promptMatches }) => promptMatches).length;
    if (matching === steps.length) tally.replayed += 1;
    else tally.complaints.push(`a prompt of ${turn} does not match its record`);
    stage.presenter.note(
      `replayed ${turn} from the log: ${events} Temporal events, deterministic; ${matching} of ${steps.length} prompts equal byte for byte`,
      { turn, events, bytes: archived.history.length },
    );
  }
  await stage.prove(
    'The archived histories that were replayed',
    `select h.turn, h.events, length(decode(e.data ->> 'history', 'base64')) as bytes
     from holdfast.history h join holdfast.event e on e.tenant = h.tenant and e.position = h.from_pos
     where h.tenant = $1 and h.turn in ('t-recall', 't-kill-1', 't-refund') order by h.from_pos`,
  );
}

async function acknowledge(
  tally: Tally,
  turn: string,
  sent: Promise<{ readonly reply: string | null }>,
): Promise<void> {
  const { reply } = await sent;
  if (reply === null) tally.complaints.push(`turn ${turn} has no reply`);
  else tally.acknowledged.add(turn);
}
