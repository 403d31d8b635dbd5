import type { Agent } from '../agents/define-agent.ts';
import type { Escalation, Tool } from '../agents/define-tool.ts';
import { InvalidArgumentsError, validateArguments } from '../agents/schema.ts';
import type { ChatReply, ToolCall } from '../llm/ports.ts';
import type { ApprovalRequested, ApprovalWaived, LimitName, ToolCompleted } from '../memory/events.ts';
import { approvalId } from '../memory/keys.ts';
import { shorten } from '../memory/text.ts';
import { toolSpecs } from './configure-agent.ts';
import { limitCode } from './activity-errors.ts';
import { argumentsHash } from './hash.ts';
import { sourceDown } from './missing-tool.ts';
import { isMemoryTool, parseMemoryCall } from './memory-tools.ts';
import type { MemoryCall } from './memory-tools.ts';
import type { AllowedBy } from './tool-allowance.ts';
import type { PendingCall, StepInput } from './types.ts';

/** A call that is answered inside the step. */
export interface InlineResult extends Pick<
  ToolCompleted['data'],
  'ordinal' | 'outcome' | 'code' | 'arguments' | 'result'
> {
  readonly call: ToolCall;
}

/** The calls of a reply, by what has to happen with them. */
export interface SortedCalls {
  /** Run by activities of their own. */
  readonly pending: readonly PendingCall[];
  /** Answered with the step: unknown tools, arguments that do not fit. */
  readonly inline: readonly InlineResult[];
  readonly approvals: readonly Omit<ApprovalRequested['data'], 'thread' | 'branch' | 'turn' | 'step'>[];
  /** Calls that would ask, but that a person has allowed for the thread. */
  readonly waived: readonly Pick<ApprovalWaived['data'], 'ordinal' | 'tool' | 'allowedBy'>[];
  /** Calls of memory tools: answered with the step, once it is decided what becomes of them. */
  readonly memory: readonly MemoryCall[];
}

/** Sorts the tool calls of a reply. Mistakes of the model become results that tell it what was wrong. */
export async function sortCalls(
  agent: Agent,
  input: StepInput,
  reply: ChatReply,
  allowedBy: AllowedBy,
): Promise<SortedCalls> {
  const pending: PendingCall[] = [];
  const inline: InlineResult[] = [];
  const approvals: SortedCalls['approvals'][number][] = [];
  const waived: SortedCalls['waived'][number][] = [];
  const memory: MemoryCall[] = [];

  for (const [ordinal, call] of reply.toolCalls.entries()) {
    const refuse = (code: string, result: string): void =>
      void inline.push({ ordinal, call, outcome: 'invalid', code, arguments: call.arguments, result });
    try {
      if (isMemoryTool(call.name) && agent.memory.tools.includes(call.name)) {
        const request = await parseMemoryCall(call.name, call.arguments, agent.memory);
        memory.push({ ordinal, call, arguments: JSON.parse(call.arguments), request });
        continue;
      }
      const tool = agent.tools.find(({ name }) => name === call.name);
      if (!tool) {
        const down = sourceDown(agent, call.name);
        if (down !== undefined) {
          refuse(
            'TOOL_UNAVAILABLE',
            `"${call.name}" was not called: its server "${down}" cannot be reached at the moment.`,
          );
          continue;
        }
        const names = toolSpecs(agent).map(({ name }) => name);
        refuse('UNKNOWN_TOOL', `There is no tool "${call.name}". Available: ${names.join(', ') || 'none'}.`);
        continue;
      }
      const given: unknown = JSON.parse(call.arguments === '' ? '{}' : call.arguments);
      // No arguments at all may be all of them, or the place where the reply broke off: the harmless reading counts.
      if (isCutOff(reply, ordinal) && Object.keys(given ?? {}).length === 0) {
        refuse('MODEL_CUT_OFF', cutOff(call.name));
        continue;
      }
      const reason = approvalReason(tool, await validateArguments(tool.name, tool.input, given));
      const allowance = reason === null ? null : await allowedBy(tool.name);
      if (allowance !== null) waived.push({ ordinal, tool: tool.name, allowedBy: allowance });
      const approval =
        reason === null || allowance !== null
          ? null
          : { id: approvalId(input.turn, input.step, ordinal), timeoutMs: tool.approvalTimeoutMs };
      const child = tool.subAgent === null ? {} : { child: { waits: tool.subAgent.wait } };
      pending.push({ ordinal, tool: tool.name, timeoutMs: tool.timeoutMs, approval, ...child });
      if (approval && reason !== null) {
        approvals.push({
          approval: approval.id,
          ordinal,
          call: call.id,
          tool: tool.name,
          arguments: given,
          argumentsHash: argumentsHash(given),
          argumentsSchema: tool.parameters,
          reason,
          deadline: new Date(Date.now() + tool.approvalTimeoutMs).toISOString(),
          risk: tool.risk,
          onTimeout: tool.onApprovalTimeout === 'reject' ? 'reject' : 'escalate',
          ...(tool.onApprovalTimeout === 'reject' ? {} : { escalation: escalationOf(tool.onApprovalTimeout) }),
        });
      }
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof InvalidArgumentsError)) throw error;
      if (isCutOff(reply, ordinal)) refuse('MODEL_CUT_OFF', cutOff(call.name));
      else if (error instanceof InvalidArgumentsError)
        refuse(error.code, `${error.message} ${error.hint ?? ''}`.trim());
      else refuse('ARGUMENTS_NOT_JSON', `The arguments are not JSON: ${shorten(call.arguments, 200)}`);
    }
  }
  return { pending, inline, approvals, waived, memory };
}

/**
 * True for the call that a reply broke off in: the last one of a reply that reached the longest output. One with whole arguments
 * is whole: no JSON object is the beginning of another.
 */
function isCutOff({ finishReason, toolCalls }: ChatReply, ordinal: number): boolean {
  return finishReason === 'length' && ordinal === toolCalls.length - 1;
}

function cutOff(tool: string): string {
  return `Your reply was cut off in the middle of this call, so "${tool}" was not run. Call it again with shorter arguments, or in parts.`;
}

/** The same calls with none of them started: the turn had come to a limit. Each has a result, as models want it. */
export function skipCalls(calls: SortedCalls, reply: ChatReply, limit: LimitName): SortedCalls {
  const code = limitCode(limit);
  const skipped = calls.pending.flatMap(({ ordinal }): InlineResult[] => {
    const call = reply.toolCalls[ordinal];
    if (!call) return [];
    const given: unknown = JSON.parse(call.arguments === '' ? '{}' : call.arguments);
    return [{ ordinal, call, outcome: 'skipped', code, arguments: given, result: `Not started: ${code}.` }];
  });
  return { ...calls, pending: [], approvals: [], waived: [], inline: [...calls.inline, ...skipped] };
}

function escalationOf({ to, timeoutMs }: Escalation): NonNullable<ApprovalRequested['data']['escalation']> {
  return { to, timeoutMs };
}

/** Why a person must look at this call, or null. */
function approvalReason(tool: Tool, value: unknown): string | null {
  if (tool.approval === 'never') return null;
  if (tool.approval === 'always') return `"${tool.name}" always asks`;
  try {
    const reason = tool.approval(value as never);
    return reason === false ? null : reason;
  } catch (error) {
    // A policy that cannot decide leaves it to a person: never run what might have needed one.
    return `the approval policy of "${tool.name}" failed (${error instanceof Error ? error.name : 'error'})`;
  }
}
