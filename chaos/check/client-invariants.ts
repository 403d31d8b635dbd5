import { checkCompactions, checkDocuments, checkFacts, checkUndone, checkVerdicts } from './memory-invariants.ts';
import type { Invariant, Subject, Violation } from './subject.ts';
import { turnStream, wrong } from './subject.ts';

/** What the log and its views hold of one turn. */
interface TurnFacts {
  readonly stream: string;
  readonly requested: number;
  readonly completed: number;
  readonly aborted: number;
  readonly failed: number;
  readonly ended: number;
  readonly memories: number;
  readonly reply: string | null;
}

const turnsSql = `
  select s.name as stream,
    count(*) filter (where e.type = 'TurnRequested')::int as requested,
    count(*) filter (where e.type = 'TurnCompleted')::int as completed,
    count(*) filter (where e.type = 'TurnAborted')::int as aborted,
    count(*) filter (where e.type = 'TurnFailed')::int as failed,
    count(*) filter (where e.type in ('TurnCompleted', 'TurnFailed', 'TurnAborted'))::int as ended,
    (select count(*)::int from holdfast.command c join holdfast.event m
       on m.tenant = c.tenant and m.position between c.first_position and c.last_position
     where c.tenant = $1 and c.id = s.name || '/step/1' and m.type in ('FactAsserted', 'ProcedureLearned')) as memories,
    (select st.content from holdfast.step st where st.tenant = $1 and 'turn/' || st.turn = s.name and st.to_pos is null
     order by st.step desc limit 1) as reply
  from holdfast.stream s join holdfast.event e on e.tenant = s.tenant and e.stream = s.no
  where s.tenant = $1 and s.name like 'turn/%' group by s.name`;

/** I1: what was acknowledged is there, exactly once. */
export const acknowledgedIsThere: Invariant = async (subject) => {
  const { query, tenant, operations } = subject;
  const turns = new Map((await query<TurnFacts>(turnsSql, [tenant])).map((row) => [row.stream, row]));
  const blocks = await counts(
    query,
    `select value as key, count(*)::int as n from holdfast.block where tenant = $1 group by 1`,
    tenant,
  );
  const decided = await counts(
    query,
    `select e.data ->> 'approval' || ' ' || (e.data ->> 'actor') as key, count(*)::int as n from holdfast.event e
     where e.tenant = $1 and e.type = 'ApprovalDecided' group by 1`,
    tenant,
  );
  const imported = await counts(
    query,
    `select scope_user as key, count(*)::int as n from holdfast.round where tenant = $1 and to_pos is null and turn = round group by 1`,
    tenant,
  );
  const runs = await counts(
    query,
    `select (data ->> 'run') || ' ' || type as key, count(*)::int as n from holdfast.event
     where tenant = $1 and type in ('ConsolidationCompleted', 'ConsolidationUndone', 'SessionSummarised') group by 1`,
    tenant,
  );
  // A key that was made for the subject since, for words that were then refused, opens nothing: what counts is in I10.
  const forgotten = await counts(
    query,
    `select data ->> 'subject' as key, 1 as n from holdfast.event where tenant = $1 and type = 'SubjectForgotten' group by 1`,
    tenant,
  );
  const found: Violation[] = [];
  for (const check of [checkDocuments, checkVerdicts, checkFacts, checkUndone, checkNeighbour])
    found.push(...(await check(subject)));
  const expect = (n: number, what: string, about: readonly string[]): void => {
    if (n === 0) found.push({ kind: 'lost', what: `${what} was acknowledged and is not there`, about });
    if (n > 1) found.push({ kind: 'duplicated', what: `${what} is there ${n} times`, about });
  };
  for (const {
    kind,
    acknowledgedAt,
    turn,
    token,
    user,
    memories,
    status,
    reply,
    applied,
    approval,
    actor,
    rounds,
    run,
  } of operations) {
    if (acknowledgedAt === null || kind === 'neighbour') continue;
    const row = turn === undefined ? undefined : turns.get(turnStream(turn));
    const about = [turn ?? approval ?? token ?? ''];
    if (turn !== undefined) expect(row?.requested ?? 0, `turn ${turn}`, about);
    if (row && (status === 'completed' || status === 'failed' || status === 'aborted')) {
      const there = { completed: row.completed, failed: row.failed, aborted: row.aborted }[status];
      expect(there, `the end "${status}" of turn ${turn ?? ''}`, about);
    }
    if (turn !== undefined && row && status === 'completed' && kind !== 'cancel' && kind !== 'forget') {
      if (typeof reply === 'string' && row.reply !== reply)
        found.push({ kind: 'lost', what: `the reply of turn ${turn} is not the one that was acknowledged`, about });
      if (memories !== undefined && row.memories !== memories) {
        const kindOf = row.memories === 0 ? 'lost' : row.memories < memories ? 'partial' : 'duplicated';
        found.push({
          kind: kindOf,
          what: `step 1 of turn ${turn} holds ${row.memories} of ${memories} memories`,
          about,
        });
      }
    }
    if (kind === 'cancel' && applied === true && row) expect(row.aborted, `the cancel of turn ${turn ?? ''}`, about);
    if (kind === 'block' && token !== undefined) expect(blocks.get(token) ?? 0, `block value ${token}`, about);
    if (kind === 'import' && user !== undefined && rounds !== undefined && imported.get(user) !== rounds) {
      const there = imported.get(user) ?? 0;
      const kindOf = there === 0 ? 'lost' : there < rounds ? 'partial' : 'duplicated';
      found.push({ kind: kindOf, what: `${there} of ${rounds} rounds of the import for ${user} are there`, about });
    }
    if (kind === 'consolidate' && run !== undefined) {
      expect(runs.get(`${run} ConsolidationCompleted`) ?? 0, `the end of run ${run}`, [run]);
      if (status === 'done') expect(runs.get(`${run} SessionSummarised`) ?? 0, `what run ${run} did`, [run]);
    }
    if (kind === 'undo' && run !== undefined)
      expect(runs.get(`${run} ConsolidationUndone`) ?? 0, `the undo of run ${run}`, [run]);
    if (kind === 'decision' && applied === true && approval !== undefined)
      expect(decided.get(`${approval} ${actor ?? ''}`) ?? 0, `the decision of ${actor ?? ''} about ${approval}`, about);
    if (kind === 'forget' && user !== undefined)
      expect(forgotten.get(`user:${user}`) ?? 0, `the forgetting of ${user}`, about);
  }
  return found;
};

/** Turns that were acknowledged to the other tenant: each is there, once. */
async function checkNeighbour({ query, neighbour, operations }: Subject): Promise<Violation[]> {
  const requested = await counts(
    query,
    `select data ->> 'turn' as key, count(*)::int as n from holdfast.event where tenant = $1 and type = 'TurnRequested' group by 1`,
    neighbour,
  );
  return operations.flatMap(({ kind, turn = '', acknowledgedAt }): Violation[] => {
    const n = requested.get(turn) ?? 0;
    if (kind !== 'neighbour' || acknowledgedAt === null || n === 1) return [];
    const what = `turn ${turn} of the other tenant was acknowledged and is there ${n} times`;
    return [{ kind: n === 0 ? 'lost' : 'duplicated', what, about: [turn] }];
  });
}

/** I2: what was not acknowledged is wholly there or wholly absent; so is every command. */
export const allOrNothing: Invariant = async ({ query, tenant, operations }) => {
  const found: Violation[] = [];
  const torn = await query<{ id: string; expected: number; there: number; moments: number }>(
    `select c.id, (c.last_position - c.first_position + 1)::int as expected, count(e.position)::int as there,
       count(distinct e.recorded_at)::int as moments
     from holdfast.command c cross join holdfast.log_head h
     left join holdfast.event e on e.tenant = c.tenant and e.position between c.first_position and c.last_position
     where c.tenant = $1 and h.tenant = $1 and c.first_position > h.base
     group by c.id, c.first_position, c.last_position
     having count(e.position) <> c.last_position - c.first_position + 1 or count(distinct e.recorded_at) > 1`,
    [tenant],
  );
  for (const { id, expected, there, moments } of torn)
    found.push({
      kind: 'partial',
      what:
        there === expected
          ? `command ${id} was written at ${moments} times`
          : `command ${id} holds ${there} of ${expected} events`,
      about: [id],
    });
  const orphans = await query<{ position: number; type: string; owners: number }>(
    // How many commands own a position changes at their ends only: no event is looked at but those that are wrong.
    `with ends as (
       select at, sum(step) as step from (
         select first_position as at, 1 as step from holdfast.command where tenant = $1
         union all select last_position + 1, -1 from holdfast.command where tenant = $1
         union all select 0, 0) one
       group by at), ranges as (
       select at, lead(at) over (order by at) as until, sum(step) over (order by at) as owners from ends)
     select e.position::int, e.type, r.owners::int from ranges r
     join holdfast.event e on e.tenant = $1 and e.position >= r.at and (r.until is null or e.position < r.until)
     where r.owners <> 1 order by 1 limit 20`,
    [tenant],
  );
  for (const { position, type, owners } of orphans)
    found.push({
      kind: owners === 0 ? 'partial' : 'duplicated',
      what: `event ${position} (${type}) belongs to ${owners} commands`,
      about: [String(position)],
    });
  const turns = new Map((await query<TurnFacts>(turnsSql, [tenant])).map((row) => [row.stream, row]));
  for (const { turn, memories, acknowledgedAt } of operations) {
    const row = turn === undefined ? undefined : turns.get(turnStream(turn));
    if (turn === undefined || !row || acknowledgedAt !== null || memories === undefined) continue;
    if (row.memories !== 0 && row.memories !== memories)
      found.push({
        kind: 'partial',
        what: `step 1 of turn ${turn} holds ${row.memories} of ${memories} memories`,
        about: [turn],
      });
  }
  return found;
};

/** I5: what was asked after an answer comes after what was answered. */
export const realTimeOrder: Invariant = async ({ query, tenant, operations }) => {
  const rows = await query<{ turn: string; first: number; ended: number | null }>(
    `select t.turn, t.from_pos::int as first, e.from_pos::int as ended from holdfast.turn t
     left join holdfast.turn_end e on e.tenant = t.tenant and e.turn = t.turn where t.tenant = $1`,
    [tenant],
  );
  const places = new Map(rows.map((row) => [row.turn, row]));
  const moments = operations.flatMap(({ turn, kind, askedAt, acknowledgedAt, status }) => {
    const place = turn === undefined ? undefined : places.get(turn);
    if (!place || turn === undefined || kind === 'neighbour') return [];
    const done = acknowledgedAt !== null && status === 'completed' ? place.ended : place.first;
    return [
      { at: askedAt, turn, asked: place.first },
      ...(acknowledgedAt === null || done === null ? [] : [{ at: acknowledgedAt, turn, done }]),
    ];
  });
  const found: Violation[] = [];
  let latest = { position: 0, turn: '' };
  for (const moment of moments.sort((a, b) => a.at - b.at)) {
    if (moment.done !== undefined && moment.done > latest.position)
      latest = { position: moment.done, turn: moment.turn };
    if (moment.asked !== undefined && moment.asked <= latest.position && latest.turn !== moment.turn)
      found.push(
        wrong(
          `turn ${moment.turn} was asked for after turn ${latest.turn} was answered, and stands at ${moment.asked}, before ${latest.position}`,
          moment.turn,
          latest.turn,
        ),
      );
  }
  return found;
};

/** I13: every turn has one terminal event and is replaced by one compaction at most, every approval has one decision and one effect. */
export const oneEnd: Invariant = async (subject) => {
  const { query, tenant, operations, payments } = subject;
  const found: Violation[] = await checkCompactions(subject);
  for (const { stream, ended, requested } of await query<TurnFacts>(turnsSql, [tenant])) {
    const about = [stream.slice('turn/'.length)];
    if (requested > 1) found.push({ kind: 'duplicated', what: `${stream} was requested ${requested} times`, about });
    if (ended > 1) found.push({ kind: 'duplicated', what: `${stream} has ${ended} terminal events`, about });
    if (ended === 0) found.push({ kind: 'partial', what: `${stream} has no terminal event`, about });
  }
  const steps = await query<{ turn: string; step: string; n: number }>(
    `select data ->> 'turn' as turn, data ->> 'step' as step, count(*)::int as n from holdfast.event
     where tenant = $1 and type = 'StepCompleted' group by 1, 2 having count(*) > 1`,
    [tenant],
  );
  for (const { turn, step, n } of steps)
    found.push({ kind: 'duplicated', what: `step ${step} of turn ${turn} is there ${n} times`, about: [turn] });
  const children = await query<{ parent: string; n: number }>(
    `select data -> 'parent' ->> 'turn' || '/' || (data -> 'parent' ->> 'step') || '/' || (data -> 'parent' ->> 'ordinal') as parent, count(*)::int as n
     from holdfast.event where tenant = $1 and type = 'TurnRequested' and data -> 'parent' ->> 'turn' is not null
     group by 1 having count(*) > 1`,
    [tenant],
  );
  for (const { parent, n } of children)
    found.push({ kind: 'duplicated', what: `the call ${parent} asked ${n} agents`, about: [parent] });
  const approvals = await query<{
    approval: string;
    turn: string;
    decisions: number;
    yes: boolean;
    keys: string[] | null;
  }>(
    `select a.data ->> 'approval' as approval, a.data ->> 'turn' as turn, count(distinct d.position)::int as decisions,
       coalesce(bool_or(d.data ->> 'decision' in ('approve', 'edit')), false) as yes,
       array_remove(array_agg(distinct t.data ->> 'effectKey') filter (where t.data ->> 'outcome' = 'ok'), null) as keys
     from holdfast.event a
     left join holdfast.event d on d.tenant = a.tenant and d.type = 'ApprovalDecided' and d.data ->> 'approval' = a.data ->> 'approval'
     left join holdfast.event t on t.tenant = a.tenant and t.type = 'ToolCompleted' and t.data ->> 'turn' = a.data ->> 'turn'
       and t.data ->> 'step' = a.data ->> 'step' and t.data ->> 'ordinal' = a.data ->> 'ordinal'
     where a.tenant = $1 and a.type = 'ApprovalRequested' group by 1, 2`,
    [tenant],
  );
  const amounts = new Map(
    operations.flatMap(({ turn, amount }) => (turn === undefined ? [] : [[turn, amount] as const])),
  );
  for (const { approval, turn, decisions, yes, keys } of approvals) {
    const about = [turn, approval];
    // By the amount, which nobody else pays: whatever the log knows of it.
    const effects = payments.filter(({ amount }) => amount === amounts.get(turn)).length;
    if (!yes && effects > 0) found.push(wrong(`approval ${approval} was not granted and had an effect`, ...about));
    if (effects > 1) found.push({ kind: 'duplicated', what: `approval ${approval} had ${effects} effects`, about });
    if (decisions > 1)
      found.push({ kind: 'duplicated', what: `approval ${approval} was decided ${decisions} times`, about });
    const paid = payments.filter(({ idempotencyKey }) => (keys ?? []).some((key) => idempotencyKey.endsWith(key)));
    if (yes && (keys ?? []).length > 0 && paid.length === 0)
      found.push({
        kind: 'lost',
        what: `approval ${approval} was granted, its tool is recorded as done, and had no effect`,
        about,
      });
  }
  return found;
};

/** I14: no tool that must not run twice had its effect twice. */
export const onceOnly: Invariant = async ({ query, tenant, operations, payments }) => {
  const found: Violation[] = [];
  const done = new Set(
    (
      await query<{ turn: string }>(
        `select distinct data ->> 'turn' as turn from holdfast.event
         where tenant = $1 and type = 'ToolCompleted' and data ->> 'tool' = 'pay_once' and data ->> 'outcome' = 'ok'`,
        [tenant],
      )
    ).map(({ turn }) => turn),
  );
  const asked = new Set(operations.map(({ amount }) => amount));
  for (const { amount } of payments)
    if (!asked.has(amount)) found.push(wrong(`a payment of ${amount} was made, which nobody asked for`));
  for (const { kind, turn = '', amount } of operations) {
    if (kind !== 'pay_once' && kind !== 'approval') continue;
    const effects = payments.filter((payment) => payment.amount === amount).length;
    if (effects > 1)
      found.push({ kind: 'duplicated', what: `the payment of turn ${turn} was made ${effects} times`, about: [turn] });
    if (kind === 'pay_once' && effects === 0 && done.has(turn))
      found.push({ kind: 'lost', what: `the payment of turn ${turn} is recorded as made and was not`, about: [turn] });
  }
  return found;
};

async function counts(
  query: Parameters<Invariant>[0]['query'],
  sql: string,
  tenant: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await query<{ key: string; n: number }>(sql, [tenant]);
  return new Map(rows.map(({ key, n }) => [key, n]));
}
