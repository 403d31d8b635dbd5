import type { StoredEvent } from '../eventstore/index.ts';
import { cleanText } from '../eventstore/index.ts';
import { promptHash } from '../llm/prompt-hash.ts';
import type { ChatMessage, ToolSpec } from '../llm/ports.ts';
import type { MemoryEvent, MemoryOutcome, RecalledItem, StepCompleted } from '../memory/events.ts';
import type { ModelOptions } from '../memory/model-options.ts';
import { toPromptMessage } from '../memory/prompt.ts';
import { renderSummary } from '../memory/compaction.ts';
import { streams } from '../memory/keys.ts';
import { holdsFor } from '../projections/branches/lineage.ts';
import { branchLineage } from '../projections/branches/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { findExtraction } from '../projections/threads/queries.ts';
import { readTurnUsage } from '../projections/threads/turn-usage.ts';
import type { TurnUsage } from '../projections/threads/turn-usage.ts';
import { HistoryNotArchivedError } from './client-errors.ts';
import { eventAt, toThreadMessage } from './read-message.ts';
import type { ClientContext, TurnResult } from './send-turn.ts';
import { getTurn } from './send-turn.ts';

/** A recalled memory with its words and origin. */
export interface ExplainedItem extends RecalledItem {
  readonly text: string;
  readonly thread: string;
  readonly turn: string;
}

/** One model call of a turn: what it got, why, and what came of it. */
export interface ExplainedStep {
  readonly step: number;
  readonly position: number;
  readonly basePosition: number;
  readonly model: string;
  /** What the model was asked to answer with; empty where that was not said. */
  readonly modelOptions: ModelOptions;
  readonly text: string | null;
  readonly toolCalls: StepCompleted['data']['toolCalls'];
  readonly retrieval:
    | (Omit<NonNullable<StepCompleted['data']['retrieval']>, 'items'> & { readonly items: readonly ExplainedItem[] })
    | null;
  /** The agent's instructions, with which the prompt begins. */
  readonly instructions: string;
  /** The messages exactly as they were sent, rebuilt from the log. */
  readonly prompt: readonly ChatMessage[];
  readonly tools: readonly ToolSpec[];
  readonly promptHash: string;
  /** True when the rebuilt prompt is the recorded one byte for byte. */
  readonly promptMatches: boolean;
  /** True when words that stood in the prompt were forgotten: it cannot be rebuilt or compared any more. */
  readonly forgotten: boolean;
}

/** A turn with everything that was recorded about it. */
export interface ExplainedTurn {
  readonly turn: TurnResult;
  /** What its guards counted by now; `children` is the part of agents that it asked and waited for. */
  readonly usage: TurnUsage;
  readonly steps: readonly ExplainedStep[];
  readonly events: readonly StoredEvent<MemoryEvent>[];
  /** What extraction made of the turn; null while it has not ended. */
  readonly extraction: {
    readonly status: string;
    readonly outcomes: readonly MemoryOutcome[];
    readonly detail: string | null;
  } | null;
}

/** Explains a turn from its recorded events, never by searching again. Throws TurnNotFoundError. */
export async function explainTurn(context: ClientContext, turn: string): Promise<ExplainedTurn> {
  const result = await getTurn(context, turn);
  const events = await Array.fromAsync(context.store.readStream(context.tenant, streams.turn(turn)));
  const steps: ExplainedStep[] = [];
  for (const event of events) if (event.type === 'StepCompleted') steps.push(await explainStep(context, event));
  const tenant = await context.store.tenantNumber(context.tenant);
  const extraction = await readViews(context.pool, tenant, (reader) => findExtraction(reader, turn));
  return {
    turn: result,
    usage: await readTurnUsage(context.store, context.tenant, { turn, steps: steps.map(({ step }) => step) }),
    steps,
    events,
    extraction: extraction
      ? { status: extraction.status, outcomes: extraction.outcomes as MemoryOutcome[], detail: extraction.detail }
      : null,
  };
}

async function explainStep(
  context: ClientContext,
  event: StoredEvent<MemoryEvent> & StepCompleted,
): Promise<ExplainedStep> {
  const { data } = event;
  const { modelOptions = {} } = data;
  const { messages, tools, instructions, forgotten } = await rebuildPrompt(context, event);
  return {
    step: data.step,
    position: event.position,
    basePosition: data.basePosition,
    model: data.model,
    modelOptions,
    text: data.text,
    toolCalls: data.toolCalls,
    retrieval: data.retrieval && {
      ...data.retrieval,
      items: await withTexts(context, data.retrieval.items, data),
    },
    instructions,
    prompt: messages,
    tools,
    promptHash: data.prompt.hash,
    promptMatches: !forgotten && promptHash(messages, tools, modelOptions) === data.prompt.hash,
    forgotten,
  };
}

/** Builds a recorded prompt again from its parts: literals as they stand, references by reading the events they name. */
async function rebuildPrompt(
  context: ClientContext,
  { data: { prompt }, forgotten: own = false }: StoredEvent<MemoryEvent> & StepCompleted,
): Promise<{ messages: ChatMessage[]; tools: readonly ToolSpec[]; instructions: string; forgotten: boolean }> {
  let instructions = '';
  const messages: ChatMessage[] = [];
  let forgotten = own;
  let tools: readonly ToolSpec[] = [];
  for (const part of prompt.parts) {
    if (part.text !== undefined) {
      const last = messages.pop();
      messages.push({ role: 'system', content: `${part.continues ? (last?.content ?? '') : ''}${part.text}` });
      continue;
    }
    const event = await eventAt(context, part.position ?? 0);
    if (event?.forgotten) forgotten = true;
    if (event?.type === 'AgentConfigured') {
      ({ tools, instructions } = event.data);
      messages.push({ role: 'system', content: event.data.instructions });
    } else if (event?.type === 'ContextCompacted') {
      const last = messages.pop();
      messages.push({
        role: 'system',
        content: `${last?.content ?? ''}${renderSummary(cleanText(event.data.summary))}`,
      });
    } else if (event) {
      const message = toThreadMessage(event);
      if (message) messages.push(toPromptMessage(message));
    }
  }
  return { messages, tools, instructions, forgotten };
}

async function withTexts(
  context: ClientContext,
  items: readonly RecalledItem[],
  { thread, branch, basePosition }: StepCompleted['data'],
): Promise<ExplainedItem[]> {
  if (items.length === 0) return [];
  const tenant = await context.store.tenantNumber(context.tenant);
  const rows = await readViews(
    context.pool,
    tenant,
    async (reader) =>
      reader.db
        .selectFrom('memory_document')
        .select(['id', 'content', 'thread', 'turn'])
        .where('tenant', '=', tenant)
        .where(
          holdsFor(reader, await branchLineage(reader, { thread, branch }), {
            alias: 'memory_document',
            item: 'memory_document.id',
          }),
        )
        .where(
          'id',
          'in',
          items.map(({ id }) => id),
        )
        .execute(),
    { at: basePosition },
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return items.map((item) => {
    const row = byId.get(item.id);
    return { ...item, text: row?.content ?? '(forgotten)', thread: row?.thread ?? '', turn: row?.turn ?? '' };
  });
}

/** The archived Temporal history of a turn. Throws TurnNotFoundError, HistoryNotArchivedError. */
export async function archivedHistory(
  context: ClientContext,
  turn: string,
): Promise<{ workflowId: string; history: Uint8Array; events: number }> {
  const [event] = await Array.fromAsync(context.store.readStream(context.tenant, streams.history(turn), { to: 1 }));
  if (event?.type === 'HistoryArchived') {
    return {
      workflowId: event.data.workflowId,
      history: Buffer.from(event.data.history, 'base64'),
      events: event.data.events,
    };
  }
  await getTurn(context, turn);
  throw new HistoryNotArchivedError(turn);
}
