import { HoldfastError } from '../errors/holdfast-error.ts';
import type { InputSchema } from './schema.ts';

/** What a tool knows about the call it serves. */
export interface ToolContext {
  /**
   * Names this one effect: the same in every retry, after every crash. Hand it to the outside system as its idempotency key.
   */
  readonly effectKey: string;
  readonly tenant: string;
  readonly thread: string;
  readonly turn: string;
  readonly user: string | null;
  /** Aborts when the turn is cancelled or the tool's time is up. */
  readonly signal: AbortSignal;
}

/** Whether a call needs a person: never, always, or decided from its arguments (a string is the reason shown to the person). */
export type ApprovalPolicy<Input> = 'never' | 'always' | ((input: Input) => string | false);

export interface ToolOptions<Input> {
  /** Letters, digits, `_` and `-`; unique in the agent. */
  readonly name: string;
  /** What it does and when to use it, for the model. */
  readonly description: string;
  readonly input: InputSchema<Input>;
  /** @default 'never' */
  readonly approval?: ApprovalPolicy<Input>;
  /** How long a requested approval may wait before it is rejected, in milliseconds. @default 86400000 (24 h) */
  readonly approvalTimeoutMs?: number;
  /**
   * True when running it twice with one effect key does no harm (reads, or systems that honour idempotency keys). Others are
   * never run again after a crash in the middle: the model is told that the outcome is unknown. @default false
   */
  readonly repeatable?: boolean;
  /** @default 30000 */
  readonly timeoutMs?: number;
  /** Its result goes to the model as text: strings as they are, everything else as JSON. */
  readonly execute: (input: Input, context: ToolContext) => unknown;
}

/** A tool with every option filled in. */
export type Tool = Required<ToolOptions<never>>;

/** Declares a tool. Throws HoldfastError TOOL_INVALID when the name would be refused by model APIs. */
export function defineTool<Input>(options: ToolOptions<Input>): Tool {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.name)) {
    throw new HoldfastError(
      'TOOL_INVALID',
      `Tool name "${options.name}" must be 1 to 64 letters, digits, "_" or "-".`,
      {
        hint: 'Rename the tool in your agent definition.',
      },
    );
  }
  const tool: Required<ToolOptions<Input>> = {
    approval: 'never',
    approvalTimeoutMs: 86_400_000,
    repeatable: false,
    timeoutMs: 30_000,
    ...options,
  };
  // Tools of different inputs live in one list; every call validates with the tool's own schema before it touches `execute`.
  return tool as unknown as Tool;
}
