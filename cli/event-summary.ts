import type { MemoryEvent } from '../memory/events.ts';
import { shorten } from '../memory/text.ts';

/** One line about what an event says. */
export function eventSummary(event: MemoryEvent): string {
  switch (event.type) {
    case 'AgentConfigured':
      return `${event.data.agent} with ${event.data.tools.length} tools`;
    case 'TurnRequested':
      return `${event.data.user ?? 'user'}: ${short(event.data.message)}`;
    case 'MessageSteered':
      return `${event.data.user ?? 'user'}, meanwhile: ${short(event.data.message)}`;
    case 'StepCompleted': {
      const calls = event.data.toolCalls.map(({ name }) => name).join(', ');
      return `step ${event.data.step}: ${calls === '' ? short(event.data.text ?? '') : `calls ${calls}`}`;
    }
    case 'ToolStarted':
      return `${event.data.tool} is started, once`;
    case 'ToolCompleted':
      return `${event.data.tool} ${event.data.outcome}: ${short(event.data.result)}`;
    case 'ApprovalRequested':
      return `${event.data.approval} asks: ${short(event.data.reason)}`;
    case 'ApprovalDecided':
      return `${event.data.approval}: ${event.data.decision} by ${event.data.actor}${event.data.timedOut ? ' (deadline)' : ''}`;
    case 'ApprovalEscalated':
      return `${event.data.approval}: nobody decided, ${event.data.to} is asked until ${event.data.deadline}`;
    case 'ApprovalWaived':
      return `${event.data.tool} need not ask: allowed with ${event.data.allowedBy}`;
    case 'ScheduleDefined':
      return `${event.data.schedule} sends to ${event.data.thread}: ${short(event.data.message)}`;
    case 'ScheduleChanged':
      return `${event.data.schedule} is ${event.data.state}, says ${event.data.actor}`;
    case 'ToolAllowanceRevoked':
      return `${event.data.tool} asks again in ${event.data.thread}, says ${event.data.actor}`;
    case 'ApprovalDecisionIgnored':
      return `${event.data.decision} by ${event.data.actor} came too late: ${event.data.why}`;
    case 'RoundRecorded':
      return `${event.data.message.speaker}${event.data.reply === null ? '' : ` and ${event.data.reply.speaker}`}: ${short(event.data.message.text)}`;
    case 'LimitReached':
      return `${event.data.limit}: ${event.data.used} used, ${event.data.allowed} allowed`;
    case 'TurnCompleted':
      return `after ${event.data.steps} ${event.data.steps === 1 ? 'step' : 'steps'}${event.data.code === undefined ? '' : `, ${event.data.code}`}`;
    case 'TurnFailed':
      return `${event.data.code}: ${short(event.data.message)}`;
    case 'TurnAborted':
      return `by ${event.data.actor}: ${short(event.data.reason)}`;
    case 'FactAsserted':
      return `${event.data.kind}: ${short(event.data.text)}`;
    case 'FactConfirmed':
      return `${event.data.fact} said again`;
    case 'FactSuperseded':
      return `${event.data.fact} replaced by ${event.data.by}`;
    case 'FactRetracted':
      return `${event.data.fact}: ${short(event.data.reason)}`;
    case 'ProcedureLearned':
      return `${short(event.data.goal)} (version ${event.data.version})`;
    case 'ProcedureRolledBack': {
      const { procedure, from, restored, actor } = event.data;
      return `${procedure} from version ${from} to ${restored?.version ?? 'none'} by ${actor}`;
    }
    case 'BlockEdited':
      return `${event.data.label} by ${event.data.actor}: ${short(event.data.value)}`;
    case 'ContextCompacted': {
      const { replaces, tokens, by, summary } = event.data;
      return `${replaces.turns.length} turns, ${tokens.before} → ${tokens.after} tokens, by ${by}: ${short(summary)}`;
    }
    case 'ExtractionCompleted': {
      const kept = event.data.outcomes.filter(({ outcome }) => outcome !== 'rejected').length;
      return `${event.data.outcomes.length} proposed, ${kept} kept`;
    }
    case 'ExtractionFailed':
      return `${event.data.code}: ${short(event.data.message)}`;
    case 'BranchForked': {
      const { branch, parent, position, turn, step, tools } = event.data;
      const place = turn === null ? '' : `, ${turn} step ${step}`;
      return `${branch} from ${parent} at ${position}${place}; tools: ${tools}`;
    }
    case 'StepRerun':
      return `step ${event.data.step} once more, by ${event.data.model}: ${short(event.data.text ?? 'calls tools')}`;
    case 'FactRetired':
      return `${event.data.fact} ${event.data.why}${event.data.into === null ? '' : ` into ${event.data.into}`}`;
    case 'FactRestored':
      return `${event.data.fact} holds again: ${short(event.data.text)}`;
    case 'ObservationDerived':
      return `${short(event.data.text)} (from ${event.data.evidence.length} facts)`;
    case 'SessionSummarised':
      return `${event.data.thread}: ${short(event.data.title)}`;
    case 'ProcedureConfirmed':
      return `${event.data.procedure} version ${event.data.version}: ${event.data.sources.length} more turns vouch for it`;
    case 'ProcedureProofsWithdrawn':
      return `${event.data.procedure} version ${event.data.version}: ${event.data.turns.length} turns vouch no more`;
    case 'SessionSummaryWithdrawn':
      return event.data.thread;
    case 'ConsolidationCompleted': {
      const { run, outcome, reason, counts } = event.data;
      const done = Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name}`]));
      return `${run} ${outcome}: ${reason ?? (done.length === 0 ? 'nothing to do' : done.join(', '))}`;
    }
    case 'ConsolidationUndone':
      return `${event.data.run} by ${event.data.actor}: ${event.data.restored.length} restored, ${event.data.left.length} left`;
    case 'DocumentStored':
      return `${short(event.data.source)}: ${event.data.chunks} chunks`;
    case 'DocumentChunkStored':
      return `${short(event.data.source)}, characters ${event.data.start} to ${event.data.end}: ${short(event.data.text)}`;
    case 'DocumentChunksMoved':
      return `${short(event.data.source)}: ${event.data.chunks.length} chunks stand elsewhere`;
    case 'DocumentChunksEnded':
    case 'DocumentRemoved':
      return `${event.data.document}: ${event.data.chunks.length} chunks ended`;
    case 'MemoryProposed':
      return `${event.data.proposal} waits: ${short(event.data.text)}`;
    case 'ProposalDecided':
      return `${event.data.proposal}: ${event.data.decision} by ${event.data.actor}`;
    case 'EntitiesMerged': {
      const { into, names, actor, reason } = event.data;
      return `${names.map(({ name }) => short(name)).join(', ')} into ${short(into)} by ${actor}: ${short(reason)}`;
    }
    case 'EntitiesSplit':
      return `${event.data.merge} taken back by ${event.data.actor}: ${short(event.data.reason)}`;
    case 'HistoryArchived':
      return `${event.data.events} history events of ${event.data.workflowId}`;
  }
}

const short = (text: string): string => shorten(text, 120);
