import type { Agent } from '../agents/define-agent.ts';
import type { ToolSpec } from '../llm/ports.ts';
import { promptHash } from '../llm/prompt-hash.ts';
import type { RetrievalTrace, Trust } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { AssembledPrompt, PromptBlock, ThreadMessage } from '../memory/prompt.ts';
import { reliableFrom } from '../memory/recall/weights.ts';
import { isFull, renderSummary } from '../memory/compaction.ts';
import { assemblePrompt, messageTokens, recentMessages } from '../memory/prompt.ts';
import type { Scope } from '../memory/scope.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { estimateTokens } from '../memory/text.ts';
import { leastTrusted } from '../memory/trust.ts';
import { readViews } from '../projections/read-views.ts';
import { lineageOf } from '../projections/branches/lineage.ts';
import { takenOver } from '../projections/branches/queries.ts';
import { retrieveFrom } from '../projections/search/retrieve.ts';
import { openShelves } from '../projections/search/shelves.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { findTurn, listTurns } from '../projections/threads/queries.ts';
import { newestCompaction } from '../projections/working/compactions.ts';
import { readBlocks, readMessages } from '../projections/working/queries.ts';
import type { BlockRow } from '../projections/working/queries.ts';
import { TurnEndedError, UnknownTurnError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import type { ConfiguredAt } from './configure-agent.ts';
import { toolSpecs } from './configure-agent.ts';
import { streamVersion } from '../projections/stream-version.ts';
import { assertRemembered } from './memory-write.ts';
import { isMemoryTool } from './memory-tools.ts';
import { sizesOf } from './compact-context.ts';
import { memoryNames } from './named-memories.ts';
import type { MemoryNames } from './named-memories.ts';
import { embedQuery } from './embed-query.ts';
import { heardTrust } from './heard-trust.ts';
import type { StepInput } from './types.ts';

/** What a step needs besides the dependencies of all activities. */
export interface StepDeps extends ActivityDeps {
  readonly configuredAt: ConfiguredAt;
}

/** A block as the prompt shows it. */
export interface ContextBlock extends PromptBlock {
  /** Where it lives, or an edit of it would. */
  readonly scope: Scope;
  /** Position of its last edit; null while it is as the agent's definition has it. */
  readonly position: number | null;
}

/** Everything a step needs before it calls the model. */
export interface StepContext {
  readonly turn: TurnRow;
  /** All of it was read as of this position. */
  readonly basePosition: number;
  readonly prompt: AssembledPrompt;
  readonly promptHash: string;
  readonly promptTokens: number;
  readonly tools: readonly ToolSpec[];
  readonly retrieval: RetrievalTrace | null;
  /** Version of the turn's stream: when it is another at the end of the step, a message has come meanwhile. */
  readonly turnVersion: number | 'some';
  /** All that the user said in this turn: its message, and what came while it ran. */
  readonly said: string;
  /** Tools other than those of memory have answered in this turn. */
  readonly heardTools: boolean;
  /** The least trusted of all that a memory written now may rest on: tools that have spoken, memories, and the summary; null for the user and the model alone. */
  readonly heard: Trust | null;
  /** Who reads: the turn's memory, its agent and its thread. */
  readonly scope: Scope;
  /** What these turns said stands in the prompt already. */
  readonly excludeTurns: readonly string[];
  /** The blocks of the prompt. */
  readonly blocks: readonly ContextBlock[];
  /** The conversation comes near its budget. */
  readonly fills: boolean;
  /** What memories are called in the prompt. */
  readonly names: MemoryNames;
}

/** Loads a step's context as of the head, or tells which earlier turn of the branch must end first. */
export async function loadContext(
  deps: StepDeps,
  agent: Agent,
  input: StepInput,
  signal: AbortSignal,
): Promise<StepContext | { readonly blockedBy: string }> {
  const tenant = await deps.store.tenantNumber(input.tenant);
  const instructions = { text: agent.instructions, position: await deps.configuredAt(agent, input.tenant) };
  const tools = toolSpecs(agent);
  const started = performance.now();
  let embedded: ReturnType<typeof embedQuery> | undefined;

  const read = await readViews(deps.pool, tenant, async (reader) => {
    const turn = await findTurn(reader, input.turn);
    if (!turn) throw new UnknownTurnError(input.turn);
    if (turn.status !== 'running' && turn.status !== 'waiting') throw new TurnEndedError(turn.turn, turn.status);
    const scope = { ...turnScope(turn), agent: agent.name, thread: turn.thread };
    embedded = embedQuery(deps, turn.message, signal);
    // Awaited below; when a read fails first, nobody else hears of it.
    embedded.catch(() => undefined);
    // One snapshot and one round trip: none of these waits for another's answer.
    const compaction = newestCompaction(reader, { thread: turn.thread, branch: turn.branch });
    const [, [earlier], shelves, thread, summary, edited, lineage, turnVersion] = await Promise.all([
      assertRemembered(reader, {
        subjects: subjectsOf(turnScope(turn)),
        since: turn.position,
        command: commands.step(input.turn, input.step),
      }),
      listTurns(reader, { thread: turn.thread, branch: turn.branch, open: true, before: turn.position, limit: 1 }),
      openShelves(reader, deps.recall, scope),
      compaction.then((found) =>
        readMessages(reader, {
          ...{ thread: turn.thread, branch: turn.branch, turn: turn.turn },
          ...(found ? { after: found.upTo } : {}),
        }),
      ),
      compaction,
      readBlocks(reader, scope),
      lineageOf(reader, scope.fork),
      streamVersion(reader, streams.turn(turn.turn)),
    ]);
    const heard = await heardTrust(reader, { ...thread, agents: deps.agents, agent });
    const { position } = reader;
    return { turn, position, scope, earlier, shelves, thread, summary, edited, lineage, turnVersion, heard };
  });
  const { turn, position, scope, earlier, shelves, summary, edited, lineage } = read;
  if (earlier) return { blockedBy: earlier.turn };

  // What this turn said stands in the prompt already.
  const excludeTurns = [turn.turn, ...takenOver(lineage, turn.turn).map((from) => from.turn)];
  // Not inside: whoever holds a connection while waiting for another may wait for itself.
  const query = await embedded;
  const found = await readViews(
    deps.pool,
    tenant,
    (reader) =>
      retrieveFrom(
        reader,
        shelves,
        {
          scope,
          query: turn.message,
          vector: query?.vector ? { model: deps.embedder.model, values: query.vector } : null,
          now: turn.occurredAt,
          limit: agent.memory.recallLimit,
          budgetTokens: agent.memory.recallTokens,
          excludeTurns,
          policy: agent.memory.recall,
        },
        deps.recall,
      ),
    { at: position },
  );
  const recent = recentMessages(read.thread.messages, {
    budgetTokens: agent.memory.messageTokens - (summary ? estimateTokens(renderSummary(summary.summary)) : 0),
    currentTurnStart: read.thread.currentTurnStart,
    tokensOf: messageTokens,
  });
  const blocks = blocksOf(agent, turn, edited);
  const own = read.thread.messages.slice(read.thread.currentTurnStart);
  const names = memoryNames(found.items, own);
  const prompt = assemblePrompt({
    instructions,
    blocks,
    memories: found.lines,
    summary: summary && { text: summary.summary, position: summary.position },
    messages: recent,
    // Where there is nothing to recall yet, there is nothing to warn of.
    reliable: found.searched === 0 || found.confidence >= reliableFrom,
  });
  return {
    turn,
    basePosition: position,
    prompt,
    promptHash: promptHash(prompt.messages, tools, agent.modelOptions),
    promptTokens: estimateTokens(JSON.stringify(prompt.messages)),
    tools,
    turnVersion: read.turnVersion,
    said: saidIn(own),
    heardTools: hasHeardTools(own),
    heard: leastTrusted(read.heard, summary?.heard, namesOutside(names) ? 'tool_external' : null),
    fills:
      agent.memory.compact &&
      isFull(
        sizesOf(read.thread.messages, read.thread.turns),
        agent.memory.messageTokens - (summary ? estimateTokens(summary.summary) : 0),
      ),
    ...{ scope, excludeTurns, blocks, names },
    retrieval: {
      query: turn.message,
      position,
      embedder: deps.embedder.model,
      channels: found.channels,
      items: found.items.map(
        ({ text: _text, thread: _thread, turn: _turn, saidAt: _saidAt, features: _features, ...item }) => item,
      ),
      tokens: found.tokens,
      confidence: found.confidence,
      searched: found.searched,
      durationMs: Math.round(performance.now() - started),
      degraded: [...(query?.degraded ?? []), ...found.degraded],
    },
  };
}

function saidIn(messages: readonly ThreadMessage[]): string {
  return messages.flatMap(({ role, content }) => (role === 'user' ? [content] : [])).join('\n\n');
}

/**
 * True when a memory in the prompt was heard from an outside tool: what is made of it is no better. A how-to that was drawn from calls of such
 * tools holds no words of theirs.
 */
function namesOutside(names: MemoryNames): boolean {
  return [...names.values()].some(({ trust, kind }) => trust === 'tool_external' && kind !== 'procedure');
}

/** The agent's own blocks until they are edited, then those of the views. */
function blocksOf(agent: Agent, turn: TurnRow, edited: readonly BlockRow[]): ContextBlock[] {
  const { fork: _own, ...scope } = turnScope(turn);
  return [
    ...agent.blocks
      .filter(({ label }) => !edited.some((block) => block.label === label))
      .map(({ sharedBy, ...block }) => ({
        ...block,
        scope: sharedBy === 'user' ? scope : { ...scope, agent: agent.name },
        position: null,
      })),
    ...edited,
  ];
}

/** True when a tool has spoken in these messages that is none of memory's. */
function hasHeardTools(messages: readonly ThreadMessage[]): boolean {
  return messages.some(
    (message) => message.role === 'assistant' && message.toolCalls.some(({ name }) => !isMemoryTool(name)),
  );
}
