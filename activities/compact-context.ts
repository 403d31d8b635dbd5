import type { Agent } from '../agents/define-agent.ts';
import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import { chooseCut, renderSummary, summaryTokens } from '../memory/compaction.ts';
import type { TurnSize } from '../memory/compaction.ts';
import type { Trust } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ThreadMessage } from '../memory/prompt.ts';
import { messageTokens } from '../memory/prompt.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf, userSubject } from '../memory/subject.ts';
import { estimateTokens } from '../memory/text.ts';
import { leastTrusted } from '../memory/trust.ts';
import { listBranchTurns } from '../projections/branches/queries.ts';
import { readViews } from '../projections/read-views.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { findTurn } from '../projections/threads/queries.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { newestCompaction } from '../projections/working/compactions.ts';
import type { CompactionRow } from '../projections/working/compactions.ts';
import { readMessages } from '../projections/working/queries.ts';
import { UnknownAgentError, UnknownTurnError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import { streamVersion } from '../projections/stream-version.ts';
import { heardTrust } from './heard-trust.ts';
import { assertRemembered } from './memory-write.ts';
import type { ActivityScope } from './run-activity.ts';
import { summarise } from './summarise.ts';
import type { TurnRef } from './types.ts';

/** Messages that one compaction looks at, at most: what is older than these was never in a prompt. */
const mostRead = 1_000;

/** What a compaction replaces, and what it was decided at. */
interface Plan {
  readonly turn: TurnRow;
  readonly replaced: readonly string[];
  readonly messages: readonly ThreadMessage[];
  readonly upTo: number;
  readonly previous: CompactionRow | undefined;
  readonly kept: readonly ThreadMessage[];
  /** The least trusted of all that the summary may rest on. */
  readonly heard: Trust | null;
  /** Whom the words are about. */
  readonly subjects: readonly string[];
  readonly version: number;
}

/**
 * Replaces the oldest turns of a conversation by a summary, behind a reply, so that prompts stay within the agent's budget. One command, by the
 * turn's key: wholly there, once, or not at all. Does nothing where there is room, or where another turn's compaction came first.
 */
export async function compactContext(deps: ActivityDeps, input: TurnRef, { signal }: ActivityScope): Promise<void> {
  const id = commands.compaction(input.turn);
  if (await deps.store.readCommand(input.tenant, id)) return;
  const agent = deps.agents.get(input.agent);
  if (!agent) throw new UnknownAgentError(input.agent, [...deps.agents.keys()]);
  const { messageTokens: budgetTokens, compact } = agent.memory;
  if (!compact) return;
  const tenant = await deps.store.tenantNumber(input.tenant);
  const plan = await readViews(deps.pool, tenant, (reader) =>
    planCompaction(reader, input, { budgetTokens, agents: deps.agents, agent }),
  );
  if (plan === null) return;
  const { turn, previous } = plan;
  const summary = {
    previous: previous?.summary ?? null,
    messages: plan.messages,
    maxTokens: summaryTokens(budgetTokens),
  };
  const made = await summarise(deps, agent, { input: summary, turn: turn.turn, signal });
  deps.reached('compaction.model_answered', input.turn);

  const stream = streams.compaction(turn.thread, turn.branch);
  const tokensOf = (messages: readonly ThreadMessage[]): number =>
    messages.reduce((sum, message) => sum + messageTokens(message), 0);
  const keptTokens = tokensOf(plan.kept);
  const before = previous === undefined ? 0 : estimateTokens(renderSummary(previous.summary));
  try {
    await deps.store.append(input.tenant, {
      id,
      streams: [{ name: stream, expectedVersion: plan.version }],
      events: [
        {
          type: 'ContextCompacted',
          stream,
          subjects: plan.subjects,
          data: {
            ...{ thread: turn.thread, branch: turn.branch, turn: turn.turn },
            compaction: `c-${turn.turn}`,
            replaces: {
              turns: plan.replaced,
              positions: plan.messages.map(({ position }) => position),
              upTo: plan.upTo,
            },
            previous: previous?.compaction ?? null,
            ...made,
            heard: plan.heard,
            tokens: {
              before: before + tokensOf(plan.messages) + keptTokens,
              after: estimateTokens(renderSummary(made.summary)) + keptTokens,
            },
          },
        },
      ],
      // With one of its users forgotten meanwhile, the summary must not come to be.
      readAt: turn.position,
      meta: { actor: 'compaction' },
    });
  } catch (error) {
    // Another turn's compaction came first: the next turn looks again whether there is room.
    if (error instanceof ExpectedVersionConflictError) return;
    throw error;
  }
  deps.reached('compaction.committed', input.turn);
}

async function planCompaction(
  reader: ViewReader,
  input: TurnRef,
  {
    budgetTokens,
    ...hearing
  }: { readonly budgetTokens: number; readonly agents: ReadonlyMap<string, Agent>; readonly agent: Agent },
): Promise<Plan | null> {
  const turn = await findTurn(reader, input.turn);
  if (!turn) throw new UnknownTurnError(input.turn);
  const id = commands.compaction(input.turn);
  await assertRemembered(reader, { subjects: subjectsOf(turnScope(turn)), since: turn.position, command: id });
  const place = { thread: turn.thread, branch: turn.branch };
  const previous = await newestCompaction(reader, place);
  const after = previous?.upTo ?? 0;
  const { messages, turns, heard } = await readMessages(reader, { ...place, limit: mostRead, after });
  const sizes = sizesOf(messages, turns);
  const cut = chooseCut(sizes, { budgetTokens: budgetTokens - (previous ? estimateTokens(previous.summary) : 0) });
  const last = sizes[cut - 1];
  if (!last) return null;
  const end = turns.lastIndexOf(last.turn) + 1;
  const asked = new Map((await listBranchTurns(reader, place)).map((one) => [one.turn, one]));
  const upTo = asked.get(last.turn)?.position;
  if (upTo === undefined) return null;
  const users = [...asked.values()].filter(({ position }) => position <= upTo).map(({ user }) => user);
  return {
    ...{ turn, previous, upTo, replaced: sizes.slice(0, cut).map((size) => size.turn) },
    ...{ messages: messages.slice(0, end), kept: messages.slice(end) },
    heard: leastTrusted(
      previous?.heard,
      await heardTrust(reader, {
        ...{ messages: messages.slice(0, end), turns, heard: heard.slice(0, end) },
        ...hearing,
      }),
    ),
    subjects: [...new Set([turn.user, ...users])].flatMap((user) => (user === null ? [] : [userSubject(user)])),
    version: await streamVersion(reader, streams.compaction(turn.thread, turn.branch)),
  };
}

/** The turns of messages with what they cost in a prompt, oldest first. */
export function sizesOf(messages: readonly ThreadMessage[], turns: readonly string[]): TurnSize[] {
  const sizes = new Map<string, { messages: number; tokens: number }>();
  messages.forEach((message, index) => {
    const turn = turns[index] ?? '';
    const size = sizes.get(turn) ?? { messages: 0, tokens: 0 };
    size.messages += 1;
    size.tokens += messageTokens(message);
    sizes.set(turn, size);
  });
  return [...sizes].map(([turn, size]) => ({ turn, ...size }));
}
