import { close, ensure, open, replace } from '../../eventstore/index.ts';
import type { Operation, Projection, ViewRow } from '../../eventstore/index.ts';
import type { ExtractionCompleted, MemoryEvent } from '../../memory/events.ts';
import {
  approvalDecisionView,
  approvalEscalationView,
  approvalView,
  awaitingExtractionView,
  extractionView,
  historyView,
  openTurnView,
  stepView,
  threadView,
  toolAllowanceView,
  turnEndView,
  turnView,
} from './views.ts';

/** Threads, turns, steps (checkpoints), approvals and what became of them. */
export const threadsProjection: Projection<MemoryEvent> = {
  name: 'threads',
  version: 3,
  views: [
    threadView,
    turnView,
    openTurnView,
    turnEndView,
    stepView,
    approvalView,
    approvalDecisionView,
    approvalEscalationView,
    toolAllowanceView,
    extractionView,
    awaitingExtractionView,
    historyView,
  ],
  project({ type, data }) {
    switch (type) {
      case 'TurnRequested': {
        const { thread, branch, turn, agent, user, message, occurredAt } = data;
        const at = new Date(occurredAt);
        return [
          ...ensure(threadView, { thread, agent, user_id: user, started_at: at }),
          ...open(turnView, {
            ...{ turn, thread, branch, agent, user_id: user, message, occurred_at: at },
            parent_turn: data.parent?.turn ?? null,
            parent_waits: data.parent?.waits ?? null,
          }),
          ...open(openTurnView, {
            ...{ turn, thread, branch, agent },
            awaited_by: data.parent?.waits ? data.parent.turn : null,
          }),
        ];
      }
      case 'StepCompleted':
        return open(stepView, {
          turn: data.turn,
          step: data.step,
          thread: data.thread,
          branch: data.branch,
          base_position: data.basePosition,
          prompt_hash: data.prompt.hash,
          prompt_tokens: data.prompt.tokens,
          model: data.model,
          code_version: data.codeVersion,
          content: data.text,
          tool_calls: data.toolCalls,
          finish_reason: data.finishReason,
          recalled: data.retrieval?.items.filter(({ label }) => label !== null).length ?? 0,
          input_tokens: data.usage.inputTokens,
          output_tokens: data.usage.outputTokens,
        });
      case 'TurnCompleted':
        return [
          ...ended({ ...refs(data), status: 'completed', ...partialReply(data.code) }),
          ...(data.extraction === 'later' ? open(awaitingExtractionView, refs(data)) : []),
        ];
      case 'TurnFailed':
        return ended({ ...refs(data), status: 'failed', code: data.code, detail: data.message });
      case 'TurnAborted':
        return ended({ ...refs(data), status: 'aborted', code: data.actor, detail: data.reason });
      case 'ApprovalRequested':
        return open(approvalView, {
          ...refs(data),
          approval: data.approval,
          step: data.step,
          ordinal: data.ordinal,
          call: data.call,
          tool: data.tool,
          arguments: data.arguments,
          arguments_hash: data.argumentsHash,
          arguments_schema: data.argumentsSchema,
          reason: data.reason,
          deadline: new Date(data.deadline),
          risk: data.risk ?? 'medium',
          on_timeout: data.onTimeout,
        });
      case 'ApprovalEscalated':
        return open(approvalEscalationView, {
          approval: data.approval,
          escalated_to: data.to,
          deadline: new Date(data.deadline),
        });
      case 'ToolAllowanceRevoked':
        return close(toolAllowanceView, { thread: data.thread, branch: data.branch, tool: data.tool });
      case 'ApprovalDecided':
        return [
          ...open(approvalDecisionView, {
            approval: data.approval,
            turn: data.turn,
            decision: data.decision,
            actor: data.actor,
            reason: data.reason,
            arguments: data.arguments,
            message: data.message,
            timed_out: data.timedOut,
            remembered: data.remember !== undefined,
          }),
          ...(data.remember
            ? replace(toolAllowanceView, {
                thread: data.thread,
                branch: data.branch,
                tool: data.remember.tool,
                approval: data.approval,
                actor: data.actor,
              })
            : []),
        ];
      case 'ExtractionCompleted':
        return [
          // A failed extraction may be run again: the later result stands.
          ...close(extractionView, { turn: data.turn }),
          ...close(awaitingExtractionView, { turn: data.turn }),
          ...open(extractionView, {
            turn: data.turn,
            status: 'completed',
            model: data.model,
            outcomes: data.outcomes,
            detail: extractionDetail(data),
          }),
        ];
      case 'ExtractionFailed':
        return [
          ...close(extractionView, { turn: data.turn }),
          // There is nothing left that could be read.
          ...(data.code === 'SUBJECT_FORGOTTEN' ? close(awaitingExtractionView, { turn: data.turn }) : []),
          ...open(extractionView, {
            turn: data.turn,
            status: 'failed',
            model: null,
            outcomes: [],
            detail: `${data.code}: ${data.message}`,
          }),
        ];
      case 'HistoryArchived':
        return open(historyView, {
          turn: data.turn,
          workflow_id: data.workflowId,
          run_id: data.runId,
          events: data.events,
        });
      default:
        return [];
    }
  },
};

function ended(end: ViewRow<typeof turnEndView.columns>): Operation[] {
  return [...close(openTurnView, { turn: end.turn }), ...open(turnEndView, end)];
}

/** What a reply that is not whole is shown with. */
function partialReply(code: string | undefined): { readonly code: string | null; readonly detail: string | null } {
  if (code === 'MODEL_CUT_OFF')
    return { code, detail: 'The reply was cut off: it reached the longest output of the model.' };
  if (code === 'MODEL_REFUSED') return { code, detail: 'The model refused; the reply is its explanation.' };
  return { code: code ?? null, detail: null };
}

function refs({ turn, thread, branch }: { turn: string; thread: string; branch: string }) {
  return { turn, thread, branch };
}

/** What somebody who reads the outcomes should know of how they came about; null for a model's first answer. */
function extractionDetail({ extractor, problems = [] }: ExtractionCompleted['data']): string | null {
  const why = problems.length === 0 ? '' : `: ${problems.join('; ')}`;
  if (extractor === 'rules') return `Read by fixed rules, not by a model${why}.`;
  return problems.length === 0 ? null : `Asked again${why}.`;
}
