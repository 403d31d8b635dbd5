/** A call of a tool as the model wrote it; `arguments` is raw text and may be malformed. */
export interface RecordedToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** A tool as it was offered to the model. */
export interface RecordedTool {
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** One part of a recorded prompt: literal text, or a reference to the event whose text was used. */
export interface PromptPart {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Text written for this prompt (blocks and recalled memories). */
  readonly text?: string;
  /** Position of the event whose text stands here. */
  readonly position?: number;
  /** Part of the message before this one rather than a message of its own. @default false */
  readonly continues?: boolean;
}

/** Why an item was recalled: its place in each channel and the factors that moved it. */
export interface RecalledItem {
  readonly id: string;
  readonly kind: string;
  /** `[m1]` in the prompt; null when it was not injected. */
  readonly label: string | null;
  readonly score: number;
  /** Rank in each channel that found it, from 1. */
  readonly ranks: Readonly<Record<string, number>>;
  /** Multipliers applied to the fused score. */
  readonly factors: Readonly<Record<string, number>>;
  /** Who vouches for it; absent in events of before it was recorded. */
  readonly trust?: string;
  /** In words, for people. */
  readonly reason: string;
  /** Why a candidate was left out of the prompt; null when it was injected. */
  readonly rejected: string | null;
  /** Of a how-to: the version that was read. @default of no versions, or from before it was recorded */
  readonly version?: number;
}

/** What retrieval did for a step. */
export interface RetrievalTrace {
  readonly query: string;
  /** The log position the memory was read at. */
  readonly position: number;
  readonly embedder: string;
  readonly channels: Readonly<Record<string, number>>;
  readonly items: readonly RecalledItem[];
  readonly tokens: number;
  /** How sure it was that what was asked about is remembered, 0 to 1; absent in events of before it was recorded. */
  readonly confidence?: number;
  /** How many memories were searched; absent likewise. */
  readonly searched?: number;
  readonly durationMs: number;
  /** A channel that could not be used, and why. */
  readonly degraded: readonly string[];
}

/** Tokens of one model call. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}
