import type { ChatMessage, ChatModel, ChatReply } from '../llm/ports.ts';
import { promptHash } from '../llm/prompt-hash.ts';
import type { RecordedToolCall, StepRerun, Usage } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { changeModelOptions, describeOptionFault, findOptionFault, toChange } from '../memory/model-options.ts';
import type { ModelOptions, ModelOptionsChange } from '../memory/model-options.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { explainTurn } from './explain-turn.ts';
import { InvalidRerunError } from './fork-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** What is different in a rerun of a model call. */
export interface RerunChange {
  readonly model?: string;
  /** Other options of the model; null takes one away. */
  readonly modelOptions?: ModelOptionsChange;
  /** Instead of the agent's instructions; blocks and recalled memories stay. */
  readonly instructions?: string;
  /** Instead of the newest message of the user. */
  readonly message?: string;
  /** Instead of the whole prompt, after the changes above: gives the messages to send. */
  readonly prompt?: (messages: readonly ChatMessage[]) => readonly ChatMessage[];
}

/** A recorded model call to make again. */
export interface RerunRequest {
  readonly turn: string;
  readonly step: number;
  readonly change?: RerunChange;
  /** Makes the call. */
  readonly model: ChatModel;
  /** Appends a StepRerun event; the key makes it once. @default nothing is written */
  readonly record?: { readonly key: string };
  readonly signal?: AbortSignal;
}

/** What a model answered. */
export interface RerunReply {
  readonly model: string;
  /** What it was asked to answer with. */
  readonly modelOptions: ModelOptions;
  readonly promptHash: string;
  readonly text: string | null;
  readonly toolCalls: readonly RecordedToolCall[];
  readonly finishReason: string;
  readonly usage: Usage;
}

/** A recorded reply and the new one. */
export interface Rerun {
  readonly turn: string;
  readonly step: number;
  readonly before: RerunReply;
  readonly after: RerunReply;
  /** What was sent now. */
  readonly prompt: readonly ChatMessage[];
  /** Position of the StepRerun event; null when nothing was written. */
  readonly position: number | null;
}

/**
 * Makes one recorded model call again, in isolation: tools are offered as they were and none is run, nothing is remembered, no turn
 * changes. Throws TurnNotFoundError, InvalidRerunError (no such step, options that do not exist, a prompt that cannot be rebuilt because its words were
 * forgotten) and the model's errors.
 */
export async function rerunStep(context: ClientContext, request: RerunRequest): Promise<Rerun> {
  const { turn, step, change = {}, model, record, signal } = request;
  const fault = findOptionFault(change.modelOptions ?? {}, 'allowed');
  if (fault) throw new InvalidRerunError(describeOptionFault(fault), 'Correct it. Nothing was asked.');
  const explained = await explainTurn(context, turn);
  const recorded = explained.steps.find((each) => each.step === step);
  const event = explained.events.find((each) => each.type === 'StepCompleted' && each.data.step === step);
  if (!recorded || event?.type !== 'StepCompleted') {
    throw new InvalidRerunError(
      `Turn "${turn}" has recorded no step ${step}; it has ${explained.steps.map((each) => each.step).join(', ') || 'none'}.`,
      'Steps that a fork took over are those of the turn it left.',
    );
  }
  if (recorded.forgotten) {
    throw new InvalidRerunError(
      `The prompt of step ${step} of turn "${turn}" held words that were forgotten since.`,
      'It cannot be sent again.',
    );
  }
  const prompt = changedPrompt(recorded.prompt, recorded.instructions, change);
  const modelOptions = changeModelOptions(recorded.modelOptions, change.modelOptions);
  const requestedModel = change.model ?? event.data.requestedModel;
  const reply = await model.complete({
    model: requestedModel,
    messages: prompt,
    tools: recorded.tools,
    ...modelOptions,
    ...(signal ? { signal } : {}),
  });
  const after = toReply(reply, modelOptions, promptHash(prompt, recorded.tools, modelOptions));
  const { text, toolCalls, finishReason, usage } = event.data;
  return {
    ...{ turn, step, after, prompt },
    before: {
      ...{ model: recorded.model, modelOptions: recorded.modelOptions, promptHash: recorded.promptHash },
      ...{ text, toolCalls, finishReason, usage },
    },
    position: record ? await append() : null,
  };

  async function append(): Promise<number> {
    const { thread, branch, user } = explained.turn;
    const stream = streams.reruns(turn);
    const data: StepRerun['data'] = {
      ...{ thread, branch, turn, step },
      changes: {
        model: change.model ?? null,
        ...(change.modelOptions === undefined ? {} : { modelOptions: toChange(change.modelOptions) }),
        instructions: change.instructions ?? null,
        message: change.message ?? null,
        prompt: change.prompt !== undefined,
      },
      prompt: { hash: after.promptHash },
      requestedModel,
      ...(Object.keys(modelOptions).length === 0 ? {} : { modelOptions }),
      ...{ model: after.model, text: after.text, toolCalls: after.toolCalls },
      ...{ finishReason: after.finishReason, usage: after.usage },
    };
    const receipt = await context.store.append(context.tenant, {
      id: commands.rerun(turn, step, record?.key ?? ''),
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: [{ type: 'StepRerun', stream, subjects: subjectsOf(turnScope({ user, thread })), data }],
      readAt: recorded?.position ?? 0,
      meta: { actor: 'client' },
    });
    return receipt.lastPosition;
  }
}

function changedPrompt(
  messages: readonly ChatMessage[],
  recordedInstructions: string,
  { instructions, message, prompt }: RerunChange,
): readonly ChatMessage[] {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  const changed = messages.map((each, index): ChatMessage => {
    // The system message begins with the instructions; what was put together for the step follows them.
    if (index === 0 && each.role === 'system' && instructions !== undefined)
      return { role: 'system', content: instructions + each.content.slice(recordedInstructions.length) };
    return index === last && message !== undefined ? { role: 'user', content: message } : each;
  });
  return prompt ? prompt(changed) : changed;
}

function toReply(reply: ChatReply, modelOptions: ModelOptions, hash: string): RerunReply {
  const { model, text, refusal, toolCalls, finishReason, usage } = reply;
  return {
    ...{ model, modelOptions, promptHash: hash, text: text ?? refusal, toolCalls, usage },
    finishReason: refusal === null ? finishReason : 'refusal',
  };
}
