import type { ModelOptions } from '../memory/model-options.ts';

/** A JSON Schema object, as tools and structured replies use it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A call the model asked for. `arguments` is the raw text the model wrote: it may be malformed JSON. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** One message of a prompt, in the shape every OpenAI-compatible chat API shares. */
export type ChatMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string | null; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly content: string };

/** A tool as the model sees it. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
}

/** One call of a chat model, with the options it is asked to answer with. */
export interface ChatRequest extends ModelOptions {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  /** @default no tools */
  readonly tools?: readonly ToolSpec[];
  /** Ask for one JSON value of this schema instead of free text. */
  readonly responseSchema?: { readonly name: string; readonly schema: JsonSchema };
  /** Aborts the HTTP request. */
  readonly signal?: AbortSignal;
  /** Called with each piece of reply text as it arrives; the request is then streamed. */
  readonly onText?: (piece: string) => void;
}

/** Tokens of a call as the server counted them; 0 where it did not say. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What a chat model answered. */
export interface ChatReply {
  /** The model as the server names it in its answer, which may differ from the one asked for. */
  readonly model: string;
  readonly text: string | null;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: 'stop' | 'tool_calls' | 'length' | 'content_filter';
  /** Text of an explicit refusal, else null. */
  readonly refusal: string | null;
  readonly usage: TokenUsage;
}

/** A chat model. Implementations do not retry: Temporal does. Errors thrown are `ModelError`s (model-error.ts). */
export interface ChatModel {
  complete(request: ChatRequest): Promise<ChatReply>;
}

/** Turns text into vectors of unit length. `model` keys stored vectors: vectors of two models are never compared. */
export interface Embedder {
  readonly model: string;
  /** Gives one vector per text, in order. Throws a ModelError when the backend answers with another number of vectors. */
  embed(texts: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<Float32Array[]>;
}
