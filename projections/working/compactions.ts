import type { Position } from '../../eventstore/index.ts';
import type { Trust } from '../../memory/events.ts';
import { forkOf } from '../../memory/scope.ts';
import { lineageOf } from '../branches/lineage.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';

/** A summary that stands in a branch's prompts in the place of its oldest turns. */
export interface CompactionRow {
  readonly compaction: string;
  readonly branch: string;
  /** Behind whose reply it was made. */
  readonly turn: string;
  /** Turns that were asked for up to this position are replaced. */
  readonly upTo: Position;
  /** The one whose summary it takes in. */
  readonly previous: string | null;
  readonly summary: string;
  /** The least trusted of all that it may rest on; null: the user and the model alone. */
  readonly heard: Trust | null;
  readonly by: 'model' | 'extract';
  /** How many turns it replaces, besides those of `previous`. */
  readonly turns: number;
  /** Tokens of a prompt's earlier messages before and after, estimated. */
  readonly tokens: { readonly before: number; readonly after: number };
  readonly position: Position;
}

interface BranchRef {
  readonly thread: string;
  readonly branch: string;
}

/** The compactions that a branch sees, newest first: its own, and those of what it comes from up to where it left. */
export async function listCompactions(
  reader: ViewReader,
  { thread, branch, limit = 1_000 }: BranchRef & { readonly limit?: number },
): Promise<CompactionRow[]> {
  const { db, tenant, position } = reader;
  const lineage = (await lineageOf(reader, forkOf({ thread, branch }))) ?? [{ branch, position }];
  const found: CompactionRow[] = [];
  for (const line of lineage) {
    const rows = await db
      .selectFrom('compaction')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('thread', '=', thread)
      .where('branch', '=', line.branch)
      .where(heldAt(line.position, 'compaction'))
      .orderBy('from_pos', 'desc')
      .limit(limit - found.length)
      .execute();
    for (const row of rows) {
      found.push({
        ...{ compaction: row.compaction, branch: row.branch, turn: row.turn, upTo: row.up_to },
        ...{ previous: row.previous, summary: row.summary, by: row.made_by as CompactionRow['by'], turns: row.turns },
        heard: row.heard as Trust | null,
        tokens: { before: row.tokens_before, after: row.tokens_after },
        position: row.from_pos,
      });
    }
    if (found.length >= limit) break;
  }
  return found;
}

/** The compaction that counts for a branch's next prompt; undefined while nothing is replaced. */
export async function newestCompaction(reader: ViewReader, ref: BranchRef): Promise<CompactionRow | undefined> {
  return (await listCompactions(reader, { ...ref, limit: 1 }))[0];
}
