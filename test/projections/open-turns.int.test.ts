import { expect, test } from 'vitest';
import type { ViewReader } from '../../projections/read-views.ts';
import { readViews } from '../../projections/read-views.ts';
import { listTurns } from '../../projections/threads/queries.ts';
import { listOpenTurns, listOrphanedTurns, listUnheededDecisions } from '../../projections/threads/sweep-queries.ts';
import { withDatabase } from '../support/with-database.ts';
import { history } from './history.ts';

const database = withDatabase();
const closedTurns = 50_000;
const openTurns = 5;

test('a turn is open from its request to its end, as of every position', async () => {
  const no = await database.store.tenantNumber('default');
  for (const command of history({ seed: 4, turns: 40, mark: 'm' })) await database.store.append('default', command);
  const { rows } = await database.admin.query<{ position: number; open: string; left: string }>(
    `select p::int as position,
       (select coalesce(string_agg(turn, ',' order by turn), '') from holdfast.open_turn o
        where o.tenant = $1 and o.from_pos <= p and (o.to_pos is null or o.to_pos > p)) as open,
       (select coalesce(string_agg(turn, ',' order by turn), '') from holdfast.turn t
        where t.tenant = $1 and t.from_pos <= p and not exists
          (select from holdfast.turn_end e where e.tenant = $1 and e.turn = t.turn and e.from_pos <= p)) as left
     from generate_series(0, (select position from holdfast.log_head where tenant = $1)) p`,
    [no],
  );
  for (const { position, open, left } of rows) expect(open, `at ${position}`).toBe(left);
  expect(new Set(rows.map(({ open }) => open)).size).toBeGreaterThan(20);
});

test('what the sweeper and senders ask of every round costs what is open, not what was', async () => {
  const no = await database.store.tenantNumber('acme');
  await database.admin.query(
    `with turns as (
       select $1::int as tenant, 2 * n as at, 'turn-' || n as turn, 'thread' as thread, 'main' as branch, 'a' as agent, n > $2::int as is_open
       from generate_series(1, $2::int + $3::int) n),
     asked as (
       insert into holdfast.turn (tenant, from_pos, turn, thread, branch, agent, message, occurred_at)
       select tenant, at, turn, thread, branch, agent, 'm', now() from turns),
     opened as (
       insert into holdfast.open_turn (tenant, from_pos, to_pos, turn, thread, branch, agent)
       select tenant, at, case when is_open then null else at + 1 end, turn, thread, branch, agent from turns),
     ended as (
       insert into holdfast.turn_end (tenant, from_pos, turn, thread, branch, status)
       select tenant, at + 1, turn, thread, branch, 'completed' from turns where not is_open),
     approval as (
       insert into holdfast.approval (tenant, from_pos, approval, turn, thread, branch, step, ordinal, call, tool, arguments,
         arguments_hash, arguments_schema, reason, deadline, risk, on_timeout)
       select tenant, at, turn || '.1.0', turn, thread, branch, 1, 0, 'c', 't', '{}', 'h', '{}', 'r', now(), 'low', 'reject' from turns)
     insert into holdfast.approval_decision (tenant, from_pos, approval, turn, decision, actor, timed_out, remembered)
     select tenant, at + 1, turn || '.1.0', turn, 'approve', 'mia', false, false from turns`,
    [no, closedTurns, openTurns],
  );
  await database.admin.query('update holdfast.log_head set position = $2 where tenant = $1', [
    no,
    2 * (closedTurns + openTurns) + 1,
  ]);
  await database.admin.query('analyze');
  const upTo = Number.MAX_SAFE_INTEGER;
  const costs = {
    listOpenTurns: await costOf(no, (reader) => listOpenTurns(reader, { after: 0, upTo, limit: 500 }), openTurns),
    listOrphanedTurns: await costOf(no, (reader) => listOrphanedTurns(reader), 0),
    listUnheededDecisions: await costOf(no, (reader) => listUnheededDecisions(reader, { upTo }), openTurns),
    isBusy: await costOf(
      no,
      (reader) => listTurns(reader, { thread: 'thread', branch: 'main', open: true }),
      openTurns,
    ),
  };
  // A scan of what was would be thousands of blocks.
  for (const [query, blocks] of Object.entries(costs)) expect(blocks, query).toBeLessThan(250);
});

/** Blocks of the database that a query touches. */
async function costOf(
  tenant: number,
  read: (reader: ViewReader) => Promise<readonly unknown[]>,
  rows: number,
): Promise<number> {
  return readViews(database.pool, tenant, async (reader) => {
    const sent: { text: string; values: unknown[] }[] = [];
    const query = reader.client.query.bind(reader.client) as (given: unknown) => Promise<{ rows: unknown[] }>;
    Object.assign(reader.client, {
      query: (given: { text: string; values: unknown[] }) => {
        sent.push(given);
        return query(given);
      },
    });
    try {
      expect(await read(reader)).toHaveLength(rows);
    } finally {
      Object.assign(reader.client, { query });
    }
    let blocks = 0;
    for (const { text, values } of sent) {
      const explained = await query({ text: `explain (analyze, buffers, format json) ${text}`, values });
      const [
        {
          'QUERY PLAN': [plan],
        },
      ] = explained.rows as [
        { 'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number; 'Shared Read Blocks': number } }] },
      ];
      blocks += plan.Plan['Shared Hit Blocks'] + plan.Plan['Shared Read Blocks'];
    }
    expect(sent.length).toBeGreaterThan(0);
    return blocks;
  });
}
