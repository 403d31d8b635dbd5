import type { Moment } from '../eventstore/index.ts';
import type { ContextCompacted } from '../memory/events.ts';
import type { ThreadMessage } from '../memory/prompt.ts';
import { mainBranch } from '../memory/scope.ts';
import { readViews } from '../projections/read-views.ts';
import type { CompactionRow } from '../projections/working/compactions.ts';
import { listCompactions } from '../projections/working/compactions.ts';
import { SummaryNotFoundError } from './memory-errors.ts';
import { eventAt, toThreadMessage } from './read-message.ts';
import type { ClientContext } from './send-turn.ts';

/** Whose summaries, and as of when. */
export interface SummaryFilter {
  readonly thread: string;
  /** @default 'main' */
  readonly branch?: string;
  /** @default now */
  readonly at?: Moment;
}

/** A summary with the messages that it stands for. */
export interface ExpandedSummary extends CompactionRow {
  /** Why the model's words were not used; empty where they were. */
  readonly problems: readonly string[];
  /** The originals, oldest first, those of the summaries that it took in included. */
  readonly messages: readonly ThreadMessage[];
}

/** The summaries that stand, or stood, in a branch's prompts for its oldest turns; newest first. The newest is the one in use. */
export async function listSummaries(context: ClientContext, filter: SummaryFilter): Promise<CompactionRow[]> {
  const { thread, branch = mainBranch, at } = filter;
  const tenant = await context.store.tenantNumber(context.tenant);
  return readViews(context.pool, tenant, (reader) => listCompactions(reader, { thread, branch }), { at });
}

/** A summary with every message it stands for, read from the log. Throws SummaryNotFoundError. */
export async function expandSummary(
  context: ClientContext,
  { summary, ...filter }: SummaryFilter & { /** `c-<turn>`. */ readonly summary: string },
): Promise<ExpandedSummary> {
  const known = new Map((await listSummaries(context, filter)).map((row) => [row.compaction, row]));
  const row = known.get(summary);
  if (!row) throw new SummaryNotFoundError(summary, filter.thread);
  const chain: ContextCompacted['data'][] = [];
  for (let each: CompactionRow | undefined = row; each; each = known.get(each.previous ?? '')) {
    const event = await eventAt(context, each.position);
    if (event?.type === 'ContextCompacted') chain.unshift(event.data);
  }
  const messages: ThreadMessage[] = [];
  for (const position of chain.flatMap(({ replaces }) => replaces.positions)) {
    const event = await eventAt(context, position);
    const message = event && toThreadMessage(event);
    if (message) messages.push(message);
  }
  return { ...row, problems: chain.at(-1)?.problems ?? [], messages };
}
