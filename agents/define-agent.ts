import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Tool } from './define-tool.ts';

/** A block of working memory an agent starts with. */
export interface AgentBlock {
  readonly label: string;
  /** What belongs there, for the model. */
  readonly description: string;
  readonly value: string;
  /** Upper bound in characters. @default 2000 */
  readonly limit?: number;
}

/** How an agent remembers and recalls. */
export interface AgentMemory {
  /** Offer the model `memory_remember`, whose writes commit with the step. @default true */
  readonly tools?: boolean;
  /** Extract memories from each turn after its reply. @default true */
  readonly extract?: boolean;
  /** Most memories recalled into a prompt. @default 8 */
  readonly recallLimit?: number;
  /** Most tokens of recalled memory in a prompt. @default 1200 */
  readonly recallTokens?: number;
  /** Most tokens of earlier messages in a prompt. @default 6000 */
  readonly messageTokens?: number;
}

/** Guards on one turn; exceeding one fails the turn, not the thread. */
export interface AgentLimits {
  /** Model calls per turn. @default 40 */
  readonly maxSteps?: number;
}

export interface AgentOptions {
  readonly name: string;
  readonly instructions: string;
  /** Model name; absent = the configured one (HOLDFAST_MODEL). */
  readonly model?: string;
  /** Blocks every prompt of this agent starts with, until a turn edits them. */
  readonly blocks?: readonly AgentBlock[];
  readonly tools?: readonly Tool[];
  readonly memory?: AgentMemory;
  readonly limits?: AgentLimits;
}

/** An agent with every option filled in. */
export interface Agent {
  readonly name: string;
  readonly instructions: string;
  readonly model: string | null;
  readonly blocks: readonly Required<AgentBlock>[];
  readonly tools: readonly Tool[];
  readonly memory: Required<AgentMemory>;
  readonly limits: Required<AgentLimits>;
}

/** Declares an agent. Throws HoldfastError AGENT_INVALID on an empty name or two tools of one name. */
export function defineAgent(options: AgentOptions): Agent {
  const tools = options.tools ?? [];
  const twice = tools.find(({ name }, index) => tools.findIndex((other) => other.name === name) !== index);
  if (options.name === '' || twice) {
    throw new HoldfastError(
      'AGENT_INVALID',
      twice ? `Agent "${options.name}" has two tools called "${twice.name}".` : 'An agent needs a name.',
      { hint: 'Correct the agent in holdfast.config.ts.' },
    );
  }
  return {
    name: options.name,
    instructions: options.instructions,
    model: options.model ?? null,
    blocks: (options.blocks ?? []).map((block) => ({ limit: 2_000, ...block })),
    tools,
    memory: {
      tools: true,
      extract: true,
      recallLimit: 8,
      recallTokens: 1_200,
      messageTokens: 6_000,
      ...options.memory,
    },
    limits: { maxSteps: 40, ...options.limits },
  };
}

/** What a `holdfast.config.ts` exports as default. */
export interface HoldfastConfig {
  readonly agents: readonly Agent[];
}

/** Gives the configuration back, typed; for the default export of `holdfast.config.ts`. */
export function defineConfig(config: HoldfastConfig): HoldfastConfig {
  return config;
}
