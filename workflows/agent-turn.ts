import {
  allHandlersFinished,
  ApplicationFailure,
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  workflowInfo,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { Activities, ChildCall, DecidedApproval, PendingCall, Spent, StepOutcome } from '../activities/types.ts';
import { assertDecision } from './check-decision.ts';
import {
  approvalDecidedSignal,
  backgroundQueue,
  decideSignal,
  decideUpdate,
  progressQuery,
  replyUpdate,
} from './messages.ts';
import type { DecisionMessage, TurnInput, TurnOutcome } from './messages.ts';
import { startWorkClock } from './work-clock.ts';

/** How soon an approval is first looked up in the log, and how long the pauses between looks grow. */
const firstLookMs = 15_000;
const longestPauseMs = 3_600_000;

/**
 * One turn: model steps and tool calls until the model is done, then extraction behind the reply. Everything it knows is in
 * references and numbers; what was said is in the log. Killing any worker at any point leaves each step wholly done or not.
 */
export async function agentTurn(input: TurnInput): Promise<TurnOutcome> {
  const { timeouts, ...ref } = input;
  const activities = proxies(timeouts);
  const decided = new Set<string>();
  const waiting = new Set<string>();
  let settled: TurnOutcome | undefined;
  let step = 0;
  let position = 0;
  let extracts = true;
  let compacts = false;
  let defers = false;
  let spent: Spent = { toolCalls: 0, tokens: 0, costUsd: 0, wallMs: 0 };
  const clock = startWorkClock();
  const children = new Set<ChildCall>();

  // Handlers before the first await: an update that comes with the start must find them.
  setHandler(replyUpdate, async (): Promise<TurnOutcome> => {
    await condition(() => settled !== undefined || waiting.size > 0);
    return settled ?? { status: 'waiting', position, approvals: [...waiting], code: null };
  });
  setHandler(approvalDecidedSignal, ({ approval }) => void decided.add(approval));
  setHandler(decideUpdate, decide, { validator: assertDecision });
  setHandler(decideSignal, async (message) => {
    // Nobody waits for an answer, and what somebody sent must not end the turn: the log has what came of it.
    try {
      assertDecision(message);
      await decide(message);
    } catch (error) {
      if (!(error instanceof ApplicationFailure || error instanceof ActivityFailure)) throw error;
    }
  });
  setHandler(progressQuery, () => ({ step, waitingFor: [...waiting], replied: settled !== undefined }));

  try {
    for (;;) {
      step += 1;
      const outcome = await runStep(step);
      position = outcome.position;
      extracts = outcome.extracts ?? true;
      compacts = outcome.compacts ?? false;
      defers = outcome.defers ?? false;
      if (outcome.done) break;
      // All of them end before the turn does: what a call has done must be in the log, also when another one fails.
      const ends = await Promise.allSettled(outcome.calls.map((call) => runCall(step, call)));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed) throw failed.reason;
    }
    settled = { status: 'completed', position, approvals: [], code: null };
  } catch (error) {
    settled = await endEarly(error);
  }

  // Neither waits for the other: both are work of minutes when a model is slow.
  if (settled.status === 'completed')
    await Promise.all([
      extracts ? extract() : null,
      compacts ? compact() : null,
      defers ? CancellationScope.nonCancellable(() => activities.short.deferExtraction(ref)) : null,
    ]);
  await condition(allHandlersFinished);
  return settled;

  /** Records a decision that was sent to the workflow itself, in the way all decisions take. */
  async function decide(message: DecisionMessage): Promise<DecidedApproval> {
    const { tenant, thread, branch, turn, agent } = ref;
    const outcome = await CancellationScope.nonCancellable(() =>
      activities.short.decideApproval({ ...message, tenant, thread, branch, turn, agent }),
    );
    if (outcome.decision !== null) decided.add(message.approval);
    return outcome;
  }

  async function runStep(n: number): Promise<StepOutcome> {
    for (;;) {
      const outcome = await activities.step.runModelStep({
        ...ref,
        step: n,
        spent: { ...spent, wallMs: clock.worked() },
      });
      if (outcome.blockedBy === null) {
        spent = outcome.spent ?? spent;
        clock.atLeast(spent.wallMs);
        return outcome;
      }
      clock.pause();
      await activities.wait.awaitPredecessor({ ...ref, predecessor: outcome.blockedBy });
      clock.resume();
    }
  }

  async function runCall(n: number, call: PendingCall): Promise<void> {
    if (call.approval !== null) {
      const { id, timeoutMs } = call.approval;
      waiting.add(id);
      clock.pause();
      await awaitDecision(id, timeoutMs);
      clock.resume();
      waiting.delete(id);
    }
    if (call.child) await runChild(n, call, call.child.waits);
    const tool = proxyActivities<Pick<Activities, 'runTool'>>({
      // What takes time has happened in the child's own turn.
      startToCloseTimeout: call.child ? 60_000 : call.timeoutMs + 5_000,
      heartbeatTimeout: timeouts.heartbeatMs,
      retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
    });
    await tool.runTool({
      ...ref,
      step: n,
      ordinal: call.ordinal,
      approval: call.approval?.id ?? null,
      wallMs: clock.worked(),
    });
  }

  /** Has another agent asked and, unless it is to work by itself, waits until its turn has ended or the call's time is up. */
  async function runChild(n: number, call: PendingCall, waits: boolean): Promise<void> {
    const asking = { step: n, ordinal: call.ordinal };
    // Before it is asked: a cancel in the middle must find it, too.
    if (waits) children.add(asking);
    const { started } = await activities.short.startChild({ ...ref, ...asking, approval: call.approval?.id ?? null });
    const deadline = Date.now() + call.timeoutMs;
    let seen: readonly string[] = [];
    while (started && waits && Date.now() < deadline) {
      if (seen.length > 0) clock.pause();
      const child = await awaitChild({ ...asking, seen }, deadline - Date.now());
      if (seen.length > 0) clock.resume();
      for (const approval of seen) waiting.delete(approval);
      if (child === null || child.ended) break;
      for (const approval of child.waitingFor) waiting.add(approval);
      seen = child.waitingFor;
    }
    children.delete(asking);
  }

  /** Null when the time was up. Waits by failing and being tried again, which costs no history. */
  async function awaitChild(asking: ChildCall & { readonly seen: readonly string[] }, leftMs: number) {
    const { awaitChild: ask } = proxyActivities<Pick<Activities, 'awaitChild'>>({
      startToCloseTimeout: '30s',
      scheduleToCloseTimeout: leftMs,
      // People take their time.
      retry: {
        initialInterval: '100ms',
        backoffCoefficient: 1.3,
        maximumInterval: asking.seen.length > 0 ? '5s' : '2s',
      },
    });
    try {
      return await ask({ ...ref, ...asking });
    } catch (error) {
      // In the middle of an attempt, or because the next one would come too late.
      if (error instanceof ActivityFailure && (error.retryState === 'TIMEOUT' || error.cause instanceof TimeoutFailure))
        return null;
      throw error;
    }
  }

  /**
   * Waits for the signal, and asks the log now and then: whoever decided may have died before the signal was sent, or the
   * decision may be older than this run. At the deadline the log settles the race: whichever was recorded first stands.
   */
  async function awaitDecision(approval: string, timeoutMs: number): Promise<void> {
    let left = timeoutMs;
    for (let pause = firstLookMs; ; pause = Math.min(pause * 4, longestPauseMs)) {
      const wait = Math.min(pause, left);
      if (await condition(() => decided.has(approval), wait)) return;
      left -= wait;
      const { isDecided, moreMs } = await activities.short.settleApproval({ ...ref, approval, isExpired: left <= 0 });
      if (isDecided) return;
      // The log's deadline counts: this run may have begun later, or somebody else is asked now.
      if (moreMs !== undefined) left = moreMs;
    }
  }

  async function endEarly(error: unknown): Promise<TurnOutcome> {
    const aborted = isCancellation(error);
    const failure = aborted
      ? { code: 'temporal:cancel', message: 'The workflow of the turn was cancelled.' }
      : describe(error);
    return CancellationScope.nonCancellable(async () => {
      const end = await activities.short.endTurn({
        ...ref,
        status: aborted ? 'aborted' : 'failed',
        code: failure.code,
        message: failure.message,
      });
      // The turn has ended, so no child can be added to these any more.
      if (children.size > 0) await activities.short.abortChildren({ ...ref, calls: [...children] });
      return end;
    });
  }

  /** Behind the reply: where it fails, prompts leave out what does not fit, and the next turn tries again. */
  async function compact(): Promise<void> {
    try {
      await activities.extraction.compactContext(ref);
    } catch (error) {
      if (!(error instanceof ActivityFailure || isCancellation(error))) throw error;
    }
  }

  /** Behind the reply: its failure is recorded and never undoes the turn. */
  async function extract(): Promise<void> {
    try {
      await activities.extraction.extractMemory(ref);
    } catch (error) {
      const { code, message } = describe(error);
      await CancellationScope.nonCancellable(() => activities.short.recordExtractionFailure({ ...ref, code, message }));
    }
  }
}

function proxies({ stepMs, heartbeatMs }: TurnInput['timeouts']) {
  const backoff = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;
  return {
    // Local: what a step did stands in the log, so its result need not pass through Temporal's (docs/decisions/0012). A dead worker is
    // noticed by the timeout of the workflow task, which the client sets to the heartbeat.
    step: proxyLocalActivities<Pick<Activities, 'runModelStep'>>({
      startToCloseTimeout: stepMs,
      // Longer pauses are timers: a workflow task that lasts holds up its worker's stop.
      localRetryThreshold: '5s',
      retry: { ...backoff, maximumAttempts: 8 },
    }),
    // Waits by failing and being tried again: retries cost no history, so a queued turn may wait for days.
    wait: proxyActivities<Pick<Activities, 'awaitPredecessor'>>({
      startToCloseTimeout: '30s',
      retry: { initialInterval: '100ms', backoffCoefficient: 1.3, maximumInterval: '2s' },
    }),
    short: proxyActivities<
      Pick<
        Activities,
        | 'settleApproval'
        | 'decideApproval'
        | 'startChild'
        | 'abortChildren'
        | 'endTurn'
        | 'recordExtractionFailure'
        | 'deferExtraction'
      >
    >({
      startToCloseTimeout: '30s',
      retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
    }),
    extraction: proxyActivities<Pick<Activities, 'extractMemory' | 'compactContext'>>({
      taskQueue: backgroundQueue(workflowInfo().taskQueue),
      startToCloseTimeout: stepMs,
      heartbeatTimeout: heartbeatMs,
      retry: { ...backoff, maximumInterval: '10m', maximumAttempts: 20 },
    }),
  };
}

/** Code and message of what ended a turn. Messages are made for people by our errors and hold no conversation text. */
function describe(error: unknown): { code: string; message: string } {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'TURN_FAILED', message: cause.message };
  if (cause instanceof Error) return { code: cause.name, message: cause.message };
  return { code: 'TURN_FAILED', message: String(cause) };
}
