import type { Position } from '../../eventstore/index.ts';
import type { ViewReader } from '../read-views.ts';

/** Something in the log that a stream of a turn tells: a finished step, a tool's end, an approval, a decision. */
export interface ProgressRow {
  readonly kind: 'step' | 'tool' | 'approval' | 'decision';
  readonly position: Position;
  readonly step: number;
  /** Place among the step's calls; 0 for a step. */
  readonly ordinal: number;
  /** Of the tool; null for a step. */
  readonly tool: string | null;
  readonly approval: string | null;
  /** Reply text of a step. */
  readonly content: string | null;
  /** What came of a tool call, or was decided. */
  readonly outcome: string | null;
  /** Names of the tools a step called, in order. */
  readonly calls: readonly string[] | null;
}

/** Everything of a turn that happened at or after a position, in order of position. */
export async function readProgress(
  { client, tenant }: ViewReader,
  { turn, from }: { readonly turn: string; readonly from: Position },
): Promise<ProgressRow[]> {
  const { rows } = await client.query<ProgressRow>({
    name: 'holdfast_progress',
    text: `select 'step' as kind, s.from_pos as position, s.step, 0 as ordinal, null as tool, null as approval, s.content,
       null as outcome, (select coalesce(json_agg(c ->> 'name'), '[]') from jsonb_array_elements(s.tool_calls) c) as calls
     from holdfast.step s where s.tenant = $1 and s.turn = $2 and s.from_pos >= $3
     union all
     select 'tool', o.from_pos, o.step, o.ordinal, o.tool, null, null, o.outcome, null
     from holdfast.tool_outcome o where o.tenant = $1 and o.turn = $2 and o.from_pos >= $3
     union all
     select 'approval', a.from_pos, a.step, a.ordinal, a.tool, a.approval, null, null, null
     from holdfast.approval a where a.tenant = $1 and a.turn = $2 and a.from_pos >= $3
     union all
     select 'decision', d.from_pos, a.step, a.ordinal, a.tool, a.approval, null, d.decision, null
     from holdfast.approval a
     join holdfast.approval_decision d on d.tenant = a.tenant and d.approval = a.approval
     where a.tenant = $1 and a.turn = $2 and d.from_pos >= $3
     order by position`,
    values: [tenant, turn, from],
  });
  return rows;
}

/** What the newest call of the newest step has written so far, from a row on. */
export interface TextRow {
  readonly step: number;
  readonly attempt: number;
  readonly seq: number;
  readonly content: string;
}

/** Rows of the words of a step that is under way: those of its newest call, after the one given. */
export async function readText(
  { client, tenant }: ViewReader,
  {
    turn,
    step,
    after,
  }: {
    readonly turn: string;
    readonly step: number;
    readonly after: { readonly attempt: number; readonly seq: number };
  },
): Promise<TextRow[]> {
  const { rows } = await client.query<TextRow>({
    name: 'holdfast_text',
    text: `select c.step, c.attempt, c.seq, c.content from holdfast.text_chunk c
     where c.tenant = $1 and c.turn = $2 and c.step = $3 and (c.attempt, c.seq) > ($4, $5)
       and c.attempt = (select max(n.attempt) from holdfast.text_chunk n where n.tenant = $1 and n.turn = $2 and n.step = $3)
     order by c.seq`,
    values: [tenant, turn, step, after.attempt, after.seq],
  });
  return rows;
}

/** How a turn ended: null while it has not, undefined for a turn that is not there. */
export async function readEnd({ client, tenant }: ViewReader, turn: string): Promise<string | null | undefined> {
  const { rows } = await client.query<{ status: string | null }>({
    name: 'holdfast_turn_end',
    text: `select e.status from holdfast.turn t
     left join holdfast.turn_end e on e.tenant = t.tenant and e.turn = t.turn
     where t.tenant = $1 and t.turn = $2`,
    values: [tenant, turn],
  });
  return rows[0]?.status === undefined ? undefined : rows[0].status;
}
