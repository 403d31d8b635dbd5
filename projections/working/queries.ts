import { sql } from 'kysely';
import type { RecordedToolCall } from '../../memory/events.ts';
import type { PromptBlock, ThreadMessage } from '../../memory/prompt.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';
import { visibleTo } from '../visible-to.ts';

/** The newest messages of a branch. */
export interface ThreadMessages {
  /** Oldest first. */
  readonly messages: readonly ThreadMessage[];
  /** Index of the current turn's first message. */
  readonly currentTurnStart: number;
}

/**
 * The newest messages of a branch: those of completed turns (a failed turn may have a tool call without a result, which no
 * model accepts), bounded, so that a long thread costs no more than a short one; and all of the current turn.
 * @param turn the current turn; without it, all completed ones
 */
export async function readMessages(
  { db, position, tenant }: ViewReader,
  { thread, branch, turn, limit = 200 }: { thread: string; branch: string; turn?: string; limit?: number },
): Promise<ThreadMessages> {
  const messages = db
    .selectFrom('message as m')
    .innerJoin('turn as t', (join) => join.onRef('t.tenant', '=', 'm.tenant').onRef('t.turn', '=', 'm.turn'))
    .where('m.tenant', '=', tenant)
    .where('m.thread', '=', thread)
    .where('m.branch', '=', branch)
    .where(heldAt(position, 'm'))
    .select(['m.turn', 'm.step', 'm.ordinal', 'm.role', 'm.content', 'm.tool_calls', 'm.call', 'm.from_pos']);
  const earlier = await messages
    .innerJoin('turn_end as e', (join) =>
      join.onRef('e.tenant', '=', 'm.tenant').onRef('e.turn', '=', 'm.turn').on('e.from_pos', '<=', position),
    )
    .where('e.status', '=', 'completed')
    .where('m.turn', '<>', turn ?? '')
    .orderBy('t.from_pos', 'desc')
    .orderBy('m.step', 'desc')
    .orderBy('m.ordinal', 'desc')
    .limit(limit)
    .execute();
  // The current turn whole, however many tools it has called: a model accepts no result without its call.
  const own =
    turn === undefined
      ? []
      : await messages.where('m.turn', '=', turn).orderBy('m.step').orderBy('m.ordinal').execute();
  const rows = [...earlier.toReversed(), ...own];
  return {
    messages: rows.map((row): ThreadMessage => {
      const at = { position: row.from_pos };
      if (row.role === 'user') return { role: 'user', content: row.content ?? '', ...at };
      if (row.role === 'tool') return { role: 'tool', content: row.content ?? '', toolCallId: row.call ?? '', ...at };
      return { role: 'assistant', content: row.content, toolCalls: row.tool_calls as RecordedToolCall[], ...at };
    }),
    currentTurnStart: earlier.length,
  };
}

/** A block with the scope it lives in. */
export interface BlockRow extends PromptBlock {
  readonly scope: Scope;
  readonly position: number;
}

/** The blocks a reader sees, in order of label; the narrowest scope wins where a label is used twice. */
export async function readBlocks({ db, position, tenant }: ViewReader, reader: Scope): Promise<BlockRow[]> {
  const rows = await db
    .selectFrom('block')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(heldAt(position, 'block'))
    .where(visibleTo(reader, 'block'))
    .orderBy('label')
    .orderBy(sql`num_nonnulls(scope_user, scope_agent, scope_thread)`)
    .execute();
  const byLabel = new Map<string, BlockRow>();
  for (const row of rows) {
    byLabel.set(row.label, {
      label: row.label,
      description: row.description,
      value: row.value,
      limit: row.char_limit,
      scope: {
        ...(row.scope_user === null ? {} : { user: row.scope_user }),
        ...(row.scope_agent === null ? {} : { agent: row.scope_agent }),
        ...(row.scope_thread === null ? {} : { thread: row.scope_thread }),
      },
      position: row.from_pos,
    });
  }
  return [...byLabel.values()];
}
