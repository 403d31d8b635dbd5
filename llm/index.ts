/** holdfast/llm: models and embedders behind OpenAI-compatible APIs, and an embedder that needs no server. */
export { createHashEmbedder } from './hash-embedder.ts';
export { createOnnxEmbedder } from './onnx-embedder.ts';
export type { OnnxEmbedderOptions } from './onnx-embedder.ts';
export { createOpenAiEmbedder, createOpenAiModel } from './openai-model.ts';
export type { OpenAiEmbedderOptions, OpenAiOptions } from './openai-model.ts';
export { ModelError } from './model-error.ts';
export type {
  ChatMessage,
  ChatModel,
  ChatReply,
  ChatRequest,
  Embedder,
  JsonSchema,
  TokenUsage,
  ToolCall,
  ToolSpec,
} from './ports.ts';
export type { ModelOptions, ReasoningEffort } from '../memory/model-options.ts';
