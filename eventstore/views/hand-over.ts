import type pg from 'pg';
import type { EventRow } from '../read/decode-events.ts';
import { selectEvents } from '../read/decode-events.ts';
import { LogNotDenseError } from '../errors.ts';
import type { EventShape } from '../event.ts';
import type { ShadowFold, Tail } from './fold-shadow.ts';
import { beginEveryTenant, clearShadow, keptStates, listTails, operationsOf } from './fold-shadow.ts';
import { transactionOn } from '../transaction-on.ts';
import type { RebuildPlan } from './rebuild-plan.ts';
import { oldName, shadowApply, shadowOf } from './rebuild-plan.ts';
import { textHash } from './view.ts';
import { applyFunction } from './view-definitions.ts';
import { quote, viewsVersionSql } from './view-sql.ts';

/** Most events that are folded while appends wait; with more, the hand-over lets go and the fold catches up first. */
export const mostTailEvents = 200;

/** How long one attempt waits for each kind of other session. */
export interface HandOverPatience {
  /** For readers that are at work; new ones wait behind it. */
  readonly readersMs: number;
  /** For appends that are at work; new ones wait behind it. */
  readonly appendsMs: number;
}

/** A hand-over that was made, or why this attempt was not. */
export type HandOver =
  | { readonly done: true; readonly pauseMs: number; readonly events: number }
  | { readonly done: false; readonly why: 'readers' | 'appends' | 'tail' };

/**
 * Puts the shadow tables in the place of the live ones, in one transaction: appends and readers wait, the tails are folded, names are
 * swapped, the apply function is replaced. Gives up at once, having changed nothing, when somebody would be waited for too long.
 */
export async function handOver<E extends EventShape>(
  fold: ShadowFold<E>,
  plan: RebuildPlan,
  patience: HandOverPatience,
): Promise<HandOver> {
  const { writer: client } = fold;
  let waitsFor: 'readers' | 'appends' = 'readers';
  let began = 0;
  try {
    // Pages were committed without waiting for the disk: it writes them now, not while appends wait for our commit.
    await client.query('update holdfast.rebuild_target set target = target');
    const events = await transactionOn(
      client,
      async () => {
        const tables = [...plan.live, ...plan.build.map(({ view }) => shadowOf(view).name)].map(
          (name) => `holdfast.${quote(name)}`,
        );
        // Nobody but autovacuum minds this mode: it is sent away now, so that it is not waited for later.
        await client.query(`set local lock_timeout = '5s'`);
        if (tables.length > 0) await client.query(`lock table ${tables.join(', ')} in share update exclusive mode`);
        // Every reader holds the opposite of this lock from before its snapshot on (with-tenant.ts). So none is left that took its
        // snapshot before the last pages of the shadow were committed and would look into it afterwards.
        await client.query(`set local lock_timeout = '${patience.readersMs}ms'`);
        await client.query('lock table holdfast.view_definition in access exclusive mode');
        // Every append locks its head's row first. From here on, they wait.
        began = performance.now();
        waitsFor = 'appends';
        await client.query(
          `set local lock_timeout = '${patience.appendsMs}ms'; lock table holdfast.log_head in exclusive mode`,
        );
        const folded = await foldTails(fold);
        await client.query(swapSql(plan));
        return folded;
      },
      beginEveryTenant,
    );
    return { done: true, pauseMs: performance.now() - began, events };
  } catch (error) {
    if (error instanceof TailTooLong) return { done: false, why: 'tail' };
    if (isLockTimeout(error)) return { done: false, why: waitsFor };
    throw error;
  }
}

class TailTooLong extends Error {}

/** Folds what was appended since the last page; appends wait. Gives the number of events. */
async function foldTails<E extends EventShape>(fold: ShadowFold<E>): Promise<number> {
  const { writer: client, views } = fold;
  if (views.size === 0) return 0;
  const tails = await listTails(client);
  const events = tails.reduce((sum, { head, folded }) => sum + head - folded, 0);
  if (events > mostTailEvents || tails.some(({ base, folded }) => base > folded)) throw new TailTooLong();
  const operations = await readTails(fold, tails);
  const changed = tails.flatMap((tail, index) => ({ tail, operations: operations[index] ?? null }));
  await client.query(
    `select set_config('holdfast.tenant', t.no::text, true), holdfast.${quote(shadowApply)}(t.no, array[t.first], t.operations)
     from unnest($1::int[], $2::bigint[], $3::jsonb[]) as t (no, first, operations) where t.operations is not null`,
    [changed.map((c) => c.tail.no), changed.map((c) => c.tail.folded + 1), changed.map((c) => c.operations)],
  );
  // What belongs to a tenant that was dropped meanwhile stays behind.
  const { rows: dropped } = await client.query<{ no: number }>(
    `select r.tenant as no from holdfast.view_rebuild r left join holdfast.tenant t on t.no = r.tenant
     where r.position > 0 and (t.state in (${keptStates})) is not true`,
  );
  for (const { no } of dropped) {
    await bindTo(client, no);
    for (const view of views) await clearShadow(client, view, no);
  }
  return events;
}

/** Reads the events of all tails in one round trip, and compiles their operations. */
async function readTails<E extends EventShape>(
  fold: ShadowFold<E>,
  tails: readonly Tail[],
): Promise<(string | null)[]> {
  const { writer: client, decode } = fold;
  if (tails.length === 0) return [];
  // Numbers only, so their text is safe; a statement with parameters could not hold the others.
  const results = (await client.query(
    tails
      .map(
        ({ no, folded }) => `
          select set_config('holdfast.tenant', '${no}', true);
          select (select count(*) from holdfast.subject_key k where k.tenant = ${no} and k.wrapped is null)
            is distinct from (select r.keys_gone from holdfast.view_rebuild r where r.tenant = ${no}) as forgot;
          ${selectEvents.replace('$1', String(no))} and e.position > ${folded} order by e.position;`,
      )
      .join(''),
  )) as unknown as pg.QueryResult[];
  const operations: (string | null)[] = [];
  for (const [index, tail] of tails.entries()) {
    const { rows: state } = results[index * 3 + 1] as pg.QueryResult<{ forgot: boolean }>;
    const { rows } = results[index * 3 + 2] as pg.QueryResult<EventRow>;
    // A subject was forgotten: this log has to be folded again, which is not for now.
    if (state[0]?.forgot && tail.folded > 0) throw new TailTooLong();
    if (rows.length !== tail.head - tail.folded) throw new LogNotDenseError(tail.id, tail.folded + 1, tail.head);
    await bindTo(client, tail.no);
    operations.push(operationsOf(fold, await decode(client, tail.no, rows)));
  }
  return operations;
}

async function bindTo(client: pg.ClientBase, tenant: number): Promise<void> {
  await client.query(`select set_config('holdfast.tenant', $1, true)`, [String(tenant)]);
}

function swapSql({ live, gone, build, apply, version }: RebuildPlan): string {
  const rename = (from: string, to: string): string => `alter table holdfast.${quote(from)} rename to ${quote(to)}`;
  const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  return [
    'set local check_function_bodies = off',
    ...live.map((name) => rename(name, oldName(name))),
    ...build.map(({ view }) => rename(shadowOf(view).name, view.name)),
    `delete from holdfast.view_definition where name = any (array[${[...gone, ...build.map(({ view }) => view.name)]
      .map(literal)
      .join(', ')}]::text[])`,
    ...build.map(
      ({ view, projection, hash }) =>
        `insert into holdfast.view_definition (name, projection, hash) values (${[view.name, projection, hash].map(literal).join(', ')})`,
    ),
    // A function that is replaced is compiled again by every session, so the same one is left alone.
    ...(apply === null ? [] : [apply, `comment on function ${applyFunction} is ${literal(textHash(apply))}`]),
    ...(version === null ? [] : [viewsVersionSql(version)]),
    'delete from holdfast.rebuild_target',
  ].join(';\n');
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '40P01');
}
