import { beforeAll, describe, expect, test } from 'vitest';
import { InvalidReadError } from '../../eventstore/index.ts';
import type { Moment } from '../../eventstore/index.ts';
import { projections } from '../../projections/index.ts';
import { readViews } from '../../projections/read-views.ts';
import { listFacts } from '../../projections/semantic/queries.ts';
import { listApprovals, listThreads, listTurns } from '../../projections/threads/queries.ts';
import { readBlocks } from '../../projections/working/queries.ts';
import { examples } from '../golden/examples.ts';
import { withDatabase } from '../support/with-database.ts';
import { history } from './history.ts';

const database = withDatabase();
const commands = history({ seed: 1, turns: 18 });
const events = commands.flatMap((command) => command.events);
const views = projections.flatMap((projection) => projection.views.map(({ name }) => name));
/** What each number of positions looked like when it was the whole log, event by event, in another tenant. */
const fresh: { readonly rows: string[]; readonly answers: unknown }[] = [];

/** Rows that hold at a position, or without one those that hold now, without the end they may have got since. */
async function held(tenant: string, position?: number): Promise<string[]> {
  const when =
    position === undefined ? 'to_pos is null' : `from_pos <= ${position} and (to_pos is null or to_pos > ${position})`;
  const { rows } = await database.admin.query<{ row: string }>(
    `with own as (select no from tenant where id = $1) ` +
      views
        .map(
          (name) =>
            `select '${name} ' || (to_jsonb(t) - 'tenant' - 'to_pos')::text as row from "${name}" t, own where t.tenant = own.no and ${when}`,
        )
        .join(' union all ') +
      ' order by 1',
    [tenant],
  );
  return rows.map(({ row }) => row);
}

/** What the queries say, at a position or now. */
async function answers(tenant: string, at?: Moment): Promise<unknown> {
  return readViews(
    database.pool,
    await database.store.tenantNumber(tenant),
    async (reader) => ({
      turns: await listTurns(reader),
      threads: await listThreads(reader),
      approvals: await listApprovals(reader),
      pending: await listApprovals(reader, { pending: true }),
      facts: await listFacts(reader, { reader: { user: 'ana' } }),
      past: await listFacts(reader, { reader: { user: 'ana' }, past: true }),
      blocks: await readBlocks(reader, { user: 'ana', agent: 'h-agent' }),
    }),
    { at },
  );
}

beforeAll(async () => {
  for (const command of commands) await database.store.append('acme', command);
  for (const [index, event] of events.entries()) {
    await database.store.append('default', {
      id: `single/${index}`,
      streams: [{ name: event.stream, expectedVersion: 'any' }],
      events: [event],
    });
    fresh.push({ rows: await held('default'), answers: await answers('default') });
  }
});

describe('a read as of a position', () => {
  test('is tested with every type of event there is', () => {
    expect([...new Set(events.map(({ type }) => type))].sort()).toEqual(Object.keys(examples).sort());
    expect(events.length).toBeGreaterThan(80);
  });

  test('gives the rows of a log that ends there, for every view at every position', async () => {
    expect(await held('acme', 0)).toEqual([]);
    for (const [index, { rows }] of fresh.entries()) {
      expect(await held('acme', index + 1), `position ${index + 1}`).toEqual(rows);
    }
  });

  test('gives the same answers to queries as a log that ends there', async () => {
    for (const [index, then] of fresh.entries()) {
      expect(await answers('acme', index + 1), `position ${index + 1}`).toEqual(then.answers);
    }
  });

  test('by time is as of the last position recorded by then', async () => {
    for await (const { recordedAt } of database.store.readLog('acme')) {
      const position = await database.store.positionAt('acme', recordedAt);
      expect(await answers('acme', recordedAt)).toEqual(fresh[position - 1]?.answers);
    }
    expect(await answers('acme', new Date(0))).toEqual(await answers('acme', 0));
    expect(await answers('acme', new Date('2100-01-01'))).toEqual(fresh.at(-1)?.answers);
    for (const at of [new Date(NaN), -1, 0.5]) await expect(answers('acme', at)).rejects.toThrow(InvalidReadError);
  });

  test('beyond the head is the head, and before the first event is nothing', async () => {
    expect(await answers('acme', 1e9)).toEqual(fresh.at(-1)?.answers);
    expect(await answers('acme', 0)).toEqual({
      turns: [],
      threads: [],
      approvals: [],
      pending: [],
      facts: [],
      past: [],
      blocks: [],
    });
  });
});
