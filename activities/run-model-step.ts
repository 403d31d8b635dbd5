import type { Agent } from '../agents/define-agent.ts';
import { ExpectedVersionConflictError, StreamSealedError } from '../eventstore/index.ts';
import type { NewEvent, StreamExpectation } from '../eventstore/index.ts';
import type { ChatReply } from '../llm/ports.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { extractsWhen } from '../memory/extract-trigger.ts';
import { expiryOf } from '../memory/expiry.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ModelOptions } from '../memory/model-options.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { roundTexts } from '../projections/search/projection.ts';
import { addUsage, readChildrenUsage } from '../projections/threads/turn-usage.ts';
import { LimitError, TurnEndedError, UnknownAgentError } from './activity-errors.ts';
import { callEvents } from './call-events.ts';
import type { ActivityDeps } from './deps.ts';
import type { StepContext, StepDeps } from './load-context.ts';
import { loadContext } from './load-context.ts';
import { followToolRule, forkedAgent, readTurnFork } from './fork-rules.ts';
import { decideMemory } from './decide-memory.ts';
import { attachVectors, searchableTexts } from './memory-write.ts';
import type { ActivityScope } from './run-activity.ts';
import { answerSearches } from './search-memory.ts';
import { skipCalls, sortCalls } from './sort-calls.ts';
import type { SortedCalls } from './sort-calls.ts';
import type { OpenWords } from './stream-text.ts';
import { takeOverStep } from './take-over-step.ts';
import { assertUsable, completionCode } from './read-reply.ts';
import { addReply, breachOf, endAtLimit, nothingSpent, priceOf, wallMsNow, withinWallTime } from './turn-limits.ts';
import type { Breach } from './turn-limits.ts';
import { allowancesOf } from './tool-allowance.ts';
import type { Spent, StepInput, StepOutcome } from './types.ts';

/** How often a step decides its memory writes anew because another writer of the scope came first. */
const maxDecisions = 10;

/**
 * One model call with what surrounds it. If the step is recorded, gives what was recorded. Otherwise: context as of a position,
 * the call, then one command with reply or tool calls, retrieval trace, memory writes and, at the end, the turn's terminal event.
 */
export async function runModelStep(
  deps: StepDeps,
  input: StepInput,
  scope: ActivityScope,
  openWords: OpenWords,
): Promise<StepOutcome> {
  const { signal } = scope;
  const commandId = commands.step(input.turn, input.step);
  const configured = deps.agents.get(input.agent);
  const fork = await readTurnFork(deps, input);
  const agent = configured && forkedAgent(configured, fork);
  const taking = fork?.taken[0] && input.step <= fork.taken[0].steps ? fork : null;
  // Begun before it is sure that it is needed: hardly ever is a step recorded already.
  const loading = agent && !taking ? loadContext(deps, agent, input, signal) : undefined;
  loading?.catch(() => undefined);
  const recorded = await deps.store.readCommand(input.tenant, commandId);
  if (recorded) return outcomeAt(deps, input, recorded.result as RecordedOutcome, recorded.lastPosition);

  if (!agent) throw new UnknownAgentError(input.agent, [...deps.agents.keys()]);
  if (taking) return takeOverStep(deps, input, agent, taking);
  const { limits } = agent;
  const before = await spentBefore(deps, input, agent);
  const wallMs = wallMsNow(before.wallMs, scope);
  const already = breachOf(limits, input.step - 1, { ...before, wallMs });
  if (already) return endAtLimit(deps, input, already);
  const context = await (loading ?? loadContext(deps, agent, input, signal));
  if ('blockedBy' in context) return { position: 0, done: false, calls: [], blockedBy: context.blockedBy };

  const requestedModel = agent.model ?? deps.defaultModel;
  const price = priceOf(limits, requestedModel);
  const onText = agent.stream ? await openWords(context.turn) : undefined;
  const reply = await withinWallTime({ limits, wallMs, scope }, (withinTime) =>
    deps.model.complete({
      model: requestedModel,
      messages: context.prompt.messages,
      tools: context.tools,
      ...agent.modelOptions,
      signal: withinTime,
      ...(onText ? { onText } : {}),
    }),
  ).catch((error: unknown) => {
    if (error instanceof LimitError) return endAtLimit(deps, input, error);
    throw error;
  });
  assertUsable(reply);
  deps.reached('step.model_answered', input.turn);

  let done = reply.toolCalls.length === 0;
  const spent = {
    ...addReply(before, { reply, promptTokens: context.promptTokens, price }),
    wallMs: wallMsNow(before.wallMs, scope),
  };
  // A final reply stands. To go on past a guard is refused before anything that nobody would read about is started.
  const breach = done ? null : breachOf(limits, input.step, spent);
  const sorted = await sortCalls(agent, input, reply, allowancesOf(deps, input));
  const calls = breach
    ? skipCalls(sorted, reply, breach.limit)
    : await followToolRule(deps, input, fork, sorted, reply);
  const tenant = await deps.store.tenantNumber(input.tenant);
  const searches = await answerSearches(deps, tenant, { calls: calls.memory, context, step: input.step, signal });
  for (let decision = 1; ; decision++) {
    const outcome: RecordedOutcome = {
      ...{ done, calls: calls.pending, spent },
      ...(extractsWhen(agent.memory.extract) === 'now' ? {} : { extracts: false }),
      ...(done && extractsWhen(agent.memory.extract) === 'later' ? { defers: true } : {}),
      ...(done && context.fills ? { compacts: true } : {}),
      ...(breach ? { breach } : {}),
    };
    // After its last step a turn ends in any case: a message that it has not read becomes a turn of its own.
    const asked = input.step < limits.maxSteps ? context : { ...context, turnVersion: 'some' as const };
    const command = await buildCommand(
      deps,
      input,
      asked,
      reply,
      { ...calls, inline: [...calls.inline, ...searches] },
      { requestedModel, modelOptions: agent.modelOptions },
      done,
    );
    // At the same time: vectors are found by the digest of their text, and where a crash leaves one out, the worker adds it later.
    const attached = attachVectors(deps, tenant, {
      texts: texts(command.events),
      origin: { subjects: subjectsOf(turnScope(context.turn)), readAt: context.turn.position },
      signal,
    });
    try {
      const receipt = await deps.store.append<RecordedOutcome>(input.tenant, {
        id: commandId,
        ...command,
        // All of it comes from the turn's message on; with its user forgotten meanwhile, the turn is over.
        readAt: context.turn.position,
        meta: { actor: `agent:${agent.name}`, step: input.step, ...scope.workflow, buildId: deps.buildId },
        result: outcome,
      });
      await attached;
      deps.reached('step.committed', input.turn);
      // Another worker that was taken for dead may have committed first: its answer is the step's answer.
      return await outcomeAt(deps, input, receipt.result, receipt.lastPosition);
    } catch (error) {
      if (error instanceof StreamSealedError) throw new TurnEndedError(input.turn, 'failed or aborted meanwhile');
      if (!(error instanceof ExpectedVersionConflictError) || decision === maxDecisions) throw error;
      // A message came while the model answered: the turn goes on with a step that reads it.
      if (error.stream === streams.turn(input.turn)) done = false;
    }
  }
}

/** What was used when the step before was recorded, and by the agents that its calls waited for. */
async function spentBefore(
  { store }: ActivityDeps,
  { tenant, turn, step, spent = nothingSpent }: StepInput,
  { tools }: Agent,
): Promise<Spent> {
  if (step === 1 || !tools.some(({ subAgent }) => subAgent?.wait)) return spent;
  return { ...spent, ...addUsage(spent, await readChildrenUsage(store, tenant, { turn, step: step - 1 })) };
}

/** The part of a step's outcome that is stored with its command. */
type RecordedOutcome = Pick<StepOutcome, 'done' | 'calls' | 'spent' | 'extracts' | 'defers' | 'compacts'> & {
  readonly breach?: Breach;
};

async function outcomeAt(
  deps: ActivityDeps,
  input: StepInput,
  { breach, ...outcome }: RecordedOutcome,
  position: number,
): Promise<StepOutcome> {
  if (breach) return endAtLimit(deps, input, breach);
  return { ...outcome, position, blockedBy: null };
}

/** The model that is asked, and how. */
interface Asked {
  readonly requestedModel: string;
  readonly modelOptions: ModelOptions;
}

async function buildCommand(
  deps: ActivityDeps,
  input: StepInput,
  context: StepContext,
  reply: ChatReply,
  calls: SortedCalls,
  { requestedModel, modelOptions }: Asked,
  done: boolean,
): Promise<{ streams: StreamExpectation[]; events: NewEvent<MemoryEvent>[] }> {
  const { turn } = context;
  const ref = { thread: turn.thread, branch: turn.branch, turn: turn.turn };
  const scope = turnScope(turn);
  const stream = streams.turn(turn.turn);
  const subjects = subjectsOf(scope);
  const text = reply.text ?? reply.refusal;
  const heard = context.heard === null ? {} : { heard: context.heard };
  const expectations: StreamExpectation[] = [
    { name: stream, expectedVersion: done ? context.turnVersion : 'some', seal: done },
  ];
  const events: NewEvent<MemoryEvent>[] = [
    {
      type: 'StepCompleted',
      stream,
      subjects,
      data: {
        ...ref,
        step: input.step,
        basePosition: context.basePosition,
        prompt: { hash: context.promptHash, parts: context.prompt.parts, tokens: context.promptTokens },
        retrieval: context.retrieval,
        model: reply.model,
        requestedModel,
        ...(Object.keys(modelOptions).length === 0 ? {} : { modelOptions }),
        codeVersion: deps.codeVersion,
        text,
        toolCalls: reply.toolCalls,
        finishReason: reply.refusal === null ? reply.finishReason : 'refusal',
        usage: reply.usage,
        ...heard,
      },
    },
  ];

  // Decided anew on every attempt: results of memory tools belong to this decision only.
  const memory = await decideMemory(deps, await deps.store.tenantNumber(input.tenant), {
    calls: calls.memory,
    context,
    actor: `agent:${turn.agent}`,
    key: commands.step(input.turn, input.step),
  });
  expectations.push(...memory.streams);
  events.push(...memory.events);
  const inline = [...calls.inline, ...memory.results].sort((a, b) => a.ordinal - b.ordinal);
  for (const { approval } of calls.approvals)
    expectations.push({ name: streams.approval(approval), expectedVersion: 'none' });
  events.push(...callEvents(turn, input.step, { inline, approvals: calls.approvals }));
  for (const call of calls.waived)
    events.push({ type: 'ApprovalWaived', stream, data: { ...ref, step: input.step, ...call } });
  if (done) {
    const thread = streams.thread(turn.thread, turn.branch);
    const expiresAt = expiryOf(deps.agents.get(turn.agent)?.memory.ttl, 'episode', turn.occurredAt.toISOString());
    const isRead = extractsWhen(deps.agents.get(turn.agent)?.memory.extract ?? false);
    expectations.push({ name: thread, expectedVersion: 'any' });
    events.push({
      type: 'RoundRecorded',
      stream: thread,
      subjects,
      data: {
        ...ref,
        round: `r-${turn.turn}`,
        scope,
        agent: turn.agent,
        message: { speaker: turn.user ?? 'user', text: context.said },
        reply: { speaker: turn.agent, text: text ?? '' },
        ...heard,
        occurredAt: turn.occurredAt.toISOString(),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
    });
    events.push({
      type: 'TurnCompleted',
      stream,
      subjects,
      data: {
        ...{ ...ref, steps: input.step, ...completionCode(reply) },
        ...(isRead === 'later' ? { extraction: 'later' as const } : {}),
      },
    });
  }
  return { streams: expectations, events };
}

function texts(events: readonly NewEvent<MemoryEvent>[]): string[] {
  return [
    ...searchableTexts(events),
    ...events.flatMap((event) => (event.type === 'RoundRecorded' ? roundTexts(event.data) : [])),
  ];
}
