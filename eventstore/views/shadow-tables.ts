import type pg from 'pg';
import { transactionOn } from '../transaction-on.ts';
import type { RebuildPlan } from './rebuild-plan.ts';
import { shadowApply, shadowOf } from './rebuild-plan.ts';
import { applyViewsSql, createViewSql, indexViewSql, quote } from './view-sql.ts';

/** True when the shadow tables are there, filled in part for the same definitions by a rebuild that was killed. */
export async function canResume(client: pg.ClientBase, plan: RebuildPlan): Promise<boolean> {
  const { rows: targets } = await client.query<{ target: string }>('select target from holdfast.rebuild_target');
  if (plan.build.length === 0 || targets[0]?.target !== plan.target) return false;
  const found = new Set(await tablesEnding(client, '__next'));
  return plan.build.every(({ view }) => found.has(shadowOf(view).name));
}

/** Creates the empty shadow tables of a plan. There must be none. */
export async function createShadow(client: pg.ClientBase, plan: RebuildPlan): Promise<void> {
  await transactionOn(client, async () => {
    await client.query('insert into holdfast.rebuild_target (target) values ($1)', [plan.target]);
    for (const { view } of plan.build) await client.query(createViewSql(shadowOf(view)));
    await client.query(
      applyViewsSql(
        plan.build.map(({ view }) => view),
        { name: shadowApply, table: (view) => shadowOf(view).name },
      ),
    );
  });
}

/** Builds the further indexes of the filled shadow tables and gathers their statistics, so that queries are planned well at once. */
export async function indexShadow(client: pg.ClientBase, plan: RebuildPlan): Promise<void> {
  await client.query(`set maintenance_work_mem = '128MB'`);
  for (const { view } of plan.build) {
    const shadow = shadowOf(view);
    for (const sql of indexViewSql(shadow)) await client.query(sql);
    await client.query(`analyze holdfast.${quote(shadow.name)}`);
  }
}

/** Drops the shadow tables and forgets how far they were filled. */
export async function dropShadow(client: pg.ClientBase): Promise<void> {
  await transactionOn(client, async () => {
    await client.query(`set local holdfast.every_tenant = 'on'`);
    await client.query('delete from holdfast.rebuild_target');
    await client.query('delete from holdfast.view_rebuild');
    await client.query(`drop function if exists holdfast.${quote(shadowApply)}(int, bigint[], jsonb)`);
  });
  for (const name of await tablesEnding(client, '__next')) await client.query(`drop table holdfast.${quote(name)}`);
}

/**
 * Does what a hand-over leaves for later: drops the tables that gave way, gives the indexes of the new ones their names, drops what
 * filled them. Also after a process that was killed in between.
 */
export async function tidyAfterHandOver(client: pg.ClientBase): Promise<void> {
  for (const name of await tablesEnding(client, '__old')) await client.query(`drop table holdfast.${quote(name)}`);
  const { rows } = await client.query<{ index: string; table: string }>(
    `select i.relname as index, t.relname as table
     from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
     where t.relnamespace = 'holdfast'::regnamespace and starts_with(i.relname, t.relname || '__next_')`,
  );
  for (const { index, table } of rows) {
    const name = `${table}${index.slice(`${table}__next`.length)}`;
    await client.query(`alter index holdfast.${quote(index)} rename to ${quote(name)}`);
  }
  const { rowCount: wanted } = await client.query('select from holdfast.rebuild_target');
  if (wanted === 0) await dropShadow(client);
}

async function tablesEnding(client: pg.ClientBase, ending: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class
     where relnamespace = 'holdfast'::regnamespace and relkind = 'r' and right(relname, length($1)) = $1 order by 1`,
    [ending],
  );
  return rows.map(({ name }) => name);
}
