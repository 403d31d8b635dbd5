import { sql } from 'kysely';
import type { ProcedureUse, UseCounts } from '../../memory/procedure-use.ts';
import { countUses } from '../../memory/procedure-use.ts';
import type { Scope } from '../../memory/scope.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import type { ViewReader } from '../read-views.ts';

interface UseRow extends Omit<ProcedureUse, 'calls'> {
  readonly procedure: string;
  readonly version: number;
  readonly calls: ProcedureUse['calls'] | null;
}

/**
 * How often each version of these how-tos stood in the prompt of a turn of the reader's line of history, and what became of those turns
 * (`judgeUse`): counted from turns and tool calls each time, stored nowhere. A turn counts once for a version, from the first step on
 * that had it in its prompt. Calls of memory's own tools do not count.
 * @param newest turns of each version that count, newest first @default all
 */
export async function countProcedureUses(
  reader: ViewReader,
  {
    scope,
    procedures,
    newest = 1_000_000,
  }: { readonly scope: Pick<Scope, 'fork'>; readonly procedures: readonly string[]; readonly newest?: number },
): Promise<ReadonlyMap<string, ReadonlyMap<number, UseCounts>>> {
  if (procedures.length === 0) return new Map();
  const lineage = (await lineageOf(reader, scope.fork)) ?? [{ fork: '', position: reader.position }];
  const { rows } = await reader.client.query<UseRow>({
    name: 'holdfast_procedure_uses',
    text: `with used as (
        select u.procedure, u.version, u.turn, min(u.step) as step, max(l.pos) as pos,
          row_number() over (partition by u.procedure, u.version order by max(u.from_pos) desc, u.turn) as place
        from unnest($3::text[], $4::bigint[]) as l (fork, pos)
        join holdfast.procedure_use u on u.tenant = $1 and u.procedure = any ($2) and u.fork = l.fork and u.from_pos <= l.pos
        group by u.procedure, u.version, u.turn)
      select u.procedure, u.version, e.status, e.code,
        (select json_agg(json_build_object('tool', o.tool, 'outcome', o.outcome) order by o.step, o.ordinal)
          from holdfast.tool_outcome o where o.tenant = $1 and o.turn = u.turn and o.step >= u.step and o.from_pos <= u.pos
            and o.tool !~ '^(memory|block)_') as calls
      from used u left join holdfast.turn_end e on e.tenant = $1 and e.turn = u.turn and e.from_pos <= u.pos
      where u.place <= $5 order by u.procedure, u.version, u.place`,
    values: [
      reader.tenant,
      procedures,
      lineage.map(({ fork }) => fork),
      lineage.map(({ position }) => position),
      newest,
    ],
  });
  return new Map(
    [...Map.groupBy(rows, ({ procedure }) => procedure)].map(([procedure, own]) => [
      procedure,
      new Map(
        [...Map.groupBy(own, ({ version }) => version)].map(([version, uses]) => [
          version,
          countUses(uses.map(({ status, code, calls }) => ({ status, code, calls: calls ?? [] }))),
        ]),
      ),
    ]),
  );
}

/** A how-to that is recalled: its version, and what became of the newest turns that had it. */
export interface ProcedureRecord extends UseCounts {
  readonly version: number;
}

/** Turns by which a version is judged when it is recalled. */
const recentUses = 50;

/** The versions that stand of these how-tos in the reader's line of history, each with its record. */
export async function readProcedureRecords(
  reader: ViewReader,
  { scope, procedures }: { readonly scope: Pick<Scope, 'fork'>; readonly procedures: readonly string[] },
): Promise<ReadonlyMap<string, ProcedureRecord>> {
  if (procedures.length === 0) return new Map();
  const lineage = await lineageOf(reader, scope.fork);
  const standing = await reader.db
    .selectFrom('procedure')
    .select(['procedure', 'version'])
    .where('tenant', '=', reader.tenant)
    .where(sql<boolean>`procedure = any (${procedures})`)
    .where(holdsFor(reader, lineage, { alias: 'procedure', item: 'procedure.procedure' }))
    .execute();
  const counts = await countProcedureUses(reader, { scope, procedures, newest: recentUses });
  return new Map(
    standing.map(({ procedure, version }) => [
      procedure,
      { version, ...(counts.get(procedure)?.get(version) ?? { successes: 0, failures: 0, unknown: 0 }) },
    ]),
  );
}
