import type { Position } from '../../eventstore/index.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';

/** A tool that may run in a thread without asking, because somebody said so when they approved a call of it. */
export interface AllowanceRow {
  readonly thread: string;
  readonly branch: string;
  readonly tool: string;
  /** The approval with which it was allowed. */
  readonly approval: string;
  readonly actor: string;
  readonly position: Position;
}

export interface AllowanceFilter {
  readonly thread?: string;
  readonly branch?: string;
  readonly tool?: string;
}

/** What may run without asking, oldest first. */
export async function listAllowances(
  { db, position, tenant }: ViewReader,
  filter: AllowanceFilter = {},
): Promise<AllowanceRow[]> {
  let query = db
    .selectFrom('tool_allowance')
    .where('tenant', '=', tenant)
    .where(heldAt(position, 'tool_allowance'))
    .select(['thread', 'branch', 'tool', 'approval', 'actor', 'from_pos'])
    .orderBy('from_pos');
  for (const part of ['thread', 'branch', 'tool'] as const) {
    const wanted = filter[part];
    if (wanted !== undefined) query = query.where(part, '=', wanted);
  }
  return (await query.execute()).map(({ from_pos, ...row }) => ({ ...row, position: from_pos }));
}

/** The allowance of one tool in one line of a thread, or undefined. */
export async function findAllowance(
  reader: ViewReader,
  key: Required<AllowanceFilter>,
): Promise<AllowanceRow | undefined> {
  return (await listAllowances(reader, key))[0];
}
