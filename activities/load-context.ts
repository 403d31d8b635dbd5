import type { Agent } from '../agents/define-agent.ts';
import type { ToolSpec } from '../llm/ports.ts';
import { promptHash } from '../llm/prompt-hash.ts';
import type { RetrievalTrace } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { AssembledPrompt, ThreadMessage } from '../memory/prompt.ts';
import { assemblePrompt, recentMessages, toPromptMessage } from '../memory/prompt.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { estimateTokens } from '../memory/text.ts';
import { readViews } from '../projections/read-views.ts';
import { lineageOf } from '../projections/branches/lineage.ts';
import { takenOver } from '../projections/branches/queries.ts';
import { retrieveFrom } from '../projections/search/retrieve.ts';
import { openShelves } from '../projections/search/shelves.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { findTurn, listTurns } from '../projections/threads/queries.ts';
import { readBlocks, readMessages } from '../projections/working/queries.ts';
import { TurnEndedError, UnknownTurnError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import type { ConfiguredAt } from './configure-agent.ts';
import { toolSpecs } from './configure-agent.ts';
import { assertRemembered, streamVersion } from './memory-write.ts';
import type { StepInput } from './types.ts';

/** What a step needs besides the dependencies of all activities. */
export interface StepDeps extends ActivityDeps {
  readonly configuredAt: ConfiguredAt;
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
    const [, [earlier], shelves, thread, edited, lineage, turnVersion] = await Promise.all([
      assertRemembered(reader, {
        subjects: subjectsOf(turnScope(turn)),
        since: turn.position,
        command: commands.step(input.turn, input.step),
      }),
      listTurns(reader, { thread: turn.thread, branch: turn.branch, open: true, before: turn.position, limit: 1 }),
      openShelves(reader, deps.recall, scope),
      readMessages(reader, { thread: turn.thread, branch: turn.branch, turn: turn.turn }),
      readBlocks(reader, scope),
      lineageOf(reader, scope.fork),
      streamVersion(reader, streams.turn(turn.turn)),
    ]);
    return { turn, position: reader.position, scope, earlier, shelves, thread, edited, lineage, turnVersion };
  });
  const { turn, position, scope, earlier, shelves, edited, lineage } = read;
  if (earlier) return { blockedBy: earlier.turn };

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
          // What this turn said stands in the prompt already.
          excludeTurns: [turn.turn, ...takenOver(lineage, turn.turn).map((from) => from.turn)],
        },
        deps.recall,
      ),
    { at: position },
  );
  const recent = recentMessages(read.thread.messages, {
    budgetTokens: agent.memory.messageTokens,
    currentTurnStart: read.thread.currentTurnStart,
    tokensOf: messageTokens,
  });
  const blocks = [...agent.blocks.filter(({ label }) => !edited.some((block) => block.label === label)), ...edited];
  const prompt = assemblePrompt({ instructions, blocks, memories: found.lines, messages: recent });
  return {
    turn,
    basePosition: position,
    prompt,
    promptHash: promptHash(prompt.messages, tools),
    promptTokens: estimateTokens(JSON.stringify(prompt.messages)),
    tools,
    turnVersion: read.turnVersion,
    said: saidIn(read.thread.messages.slice(read.thread.currentTurnStart)),
    retrieval: {
      query: turn.message,
      position,
      embedder: deps.embedder.model,
      channels: found.channels,
      items: found.items.map(({ text: _text, thread: _thread, turn: _turn, saidAt: _saidAt, ...item }) => item),
      tokens: found.tokens,
      durationMs: Math.round(performance.now() - started),
      degraded: [...(query?.degraded ?? []), ...found.degraded],
    },
  };
}

/** The query's vector. What the embedder cannot do is said, and search goes on by words. */
async function embedQuery(
  deps: ActivityDeps,
  query: string,
  signal: AbortSignal,
): Promise<{ readonly vector: Float32Array | null; readonly degraded: readonly string[] }> {
  try {
    const [vector] = await deps.embedder.embed([query], { signal });
    return { vector: vector ?? null, degraded: [] };
  } catch (error) {
    if (signal.aborted) throw error;
    deps.log('warn', 'the query was not embedded', { error: String(error) });
    return { vector: null, degraded: [`the embedder ${deps.embedder.model} failed`] };
  }
}

function messageTokens(message: ThreadMessage): number {
  return estimateTokens(JSON.stringify(toPromptMessage(message)));
}

function saidIn(messages: readonly ThreadMessage[]): string {
  return messages.flatMap(({ role, content }) => (role === 'user' ? [content] : [])).join('\n\n');
}
