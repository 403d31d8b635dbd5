import OpenAI from 'openai';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { startDeadline } from './deadline.ts';
import { ModelError } from './model-error.ts';
import { toModelError } from './openai-errors.ts';
import { readCompletion, readStream } from './openai-reply.ts';
import { type Dialect, NEWEST_DIALECT, promptTexts, stepDown, toChatParams } from './openai-request.ts';
import type { ChatModel, ChatReply, ChatRequest, Embedder } from './ports.ts';

/** Where an OpenAI-compatible API is and how to be let in. */
export interface OpenAiOptions {
  /** Root of the API, usually ending in `/v1`. */
  readonly baseUrl: string;
  /** Sent as a bearer token. The empty string sends none, as local servers like it. */
  readonly apiKey: string;
  /**
   * Longest wait in milliseconds: for the whole reply, or, when streaming, for its next piece. Beyond 300,000 Node's own
   * limit on response headers ends a call that has not begun to answer. @default 120000
   */
  readonly timeoutMs?: number;
}

/** Options of {@link createOpenAiEmbedder}. */
export interface OpenAiEmbedderOptions extends OpenAiOptions {
  readonly model: string;
  /** Ask for shorter vectors, where the model can. @default the model's own length */
  readonly dimensions?: number;
}

/**
 * Gives a chat model behind any OpenAI-compatible chat completions API. It never retries: Temporal does. Features that
 * a server refuses (JSON schemas, `max_completion_tokens`, stream usage) are replaced by older ones, remembered per model.
 * Throws ModelError. Usage is 0 where the server reports none.
 */
export function createOpenAiModel({ baseUrl, apiKey, timeoutMs = 120_000 }: OpenAiOptions): ChatModel {
  const client = createClient({ baseUrl, apiKey, timeoutMs });
  const dialects = new Map<string, Dialect>();

  async function complete(request: ChatRequest): Promise<ChatReply> {
    let dialect = dialects.get(request.model) ?? NEWEST_DIALECT;
    for (;;) {
      const outcome = await attempt(request, dialect);
      if ('reply' in outcome) {
        dialects.set(request.model, dialect);
        return outcome.reply;
      }
      dialect = outcome.next;
    }
  }

  async function attempt(request: ChatRequest, dialect: Dialect): Promise<{ reply: ChatReply } | { next: Dialect }> {
    const deadline = startDeadline(timeoutMs, request.signal);
    let listenerFailure: { readonly error: unknown } | undefined;
    const onText = (piece: string): void => {
      try {
        request.onText?.(piece);
      } catch (error) {
        listenerFailure = { error };
        throw error;
      }
    };
    try {
      const params = toChatParams(request, dialect);
      const options = { signal: deadline.signal };
      if (request.onText === undefined) {
        return { reply: readCompletion(await client.chat.completions.create(params, options), request) };
      }
      const usage = dialect.streamUsage && { stream_options: { include_usage: true } };
      const stream = await client.chat.completions.create({ ...params, ...usage, stream: true }, options);
      deadline.touch();
      return { reply: await readStream(touched(stream, deadline), request, onText) };
    } catch (error) {
      if (listenerFailure !== undefined) throw listenerFailure.error;
      const next = stepDown(dialect, error, request);
      if (next !== undefined) return { next };
      // The client ends an aborted stream without an error, which then looks cut off: ask the deadline first.
      throw toModelError(deadline.ended() === 'no' ? error : undefined, {
        what: 'chat completion',
        model: request.model,
        baseUrl,
        timeoutMs,
        ended: deadline.ended(),
        secrets: { apiKey, prompt: promptTexts(request) },
      });
    } finally {
      deadline.clear();
    }
  }

  return { complete };
}

async function* touched(
  chunks: AsyncIterable<ChatCompletionChunk>,
  deadline: { touch(): void },
): AsyncGenerator<ChatCompletionChunk> {
  for await (const chunk of chunks) {
    deadline.touch();
    yield chunk;
  }
}

// Limits of the OpenAI API are 2,048 texts and 300,000 tokens; in the densest scripts a character is about a token.
const MAX_BATCH_TEXTS = 128;
const MAX_BATCH_CHARACTERS = 200_000;

/**
 * Gives an embedder behind any OpenAI-compatible embeddings API. Texts travel in batches, vectors are paired with texts
 * by index and brought to unit length. Throws ModelError, MODEL_BAD_REPLY where the vectors do not fit the texts.
 */
export function createOpenAiEmbedder(options: OpenAiEmbedderOptions): Embedder {
  const { baseUrl, apiKey, model, dimensions, timeoutMs = 120_000 } = options;
  const client = createClient({ baseUrl, apiKey, timeoutMs });

  async function embedBatch(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    const deadline = startDeadline(timeoutMs, signal);
    try {
      const answer: unknown = await client.embeddings.create(
        // Not the client's default base64, which small servers do not know.
        {
          model,
          input: texts.map(embeddable),
          encoding_format: 'float',
          ...(dimensions !== undefined && { dimensions }),
        },
        { signal: deadline.signal },
      );
      return pairVectors(answer, texts.length, model, dimensions);
    } catch (error) {
      throw toModelError(error, {
        what: 'embedding',
        model,
        baseUrl,
        timeoutMs,
        ended: deadline.ended(),
        secrets: { apiKey, prompt: texts },
      });
    } finally {
      deadline.clear();
    }
  }

  return {
    // Shortened vectors are not comparable with full ones, so the length is part of the key.
    model: dimensions === undefined ? model : `${model}@${String(dimensions)}`,
    embed: async (texts, { signal } = {}) => {
      const vectors: Float32Array[] = [];
      for (const batch of batchesOf(texts)) vectors.push(...(await embedBatch(batch, signal)));
      return vectors;
    },
  };
}

function createClient({ baseUrl, apiKey, timeoutMs }: Required<OpenAiOptions>): OpenAI {
  if (!Number.isInteger(timeoutMs) || timeoutMs <= 0) {
    throw new RangeError(`timeoutMs must be a whole number above 0, but ${String(timeoutMs)} was given.`);
  }
  return new OpenAI({
    baseURL: baseUrl,
    apiKey: apiKey === '' ? 'none' : apiKey,
    // Given explicitly: left out, the client reads each of these from the environment behind config/'s back.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    ...(apiKey === '' && { defaultHeaders: { Authorization: null } }),
    timeout: timeoutMs,
    maxRetries: 0,
  });
}

function* batchesOf(texts: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let characters = 0;
  for (const text of texts) {
    if (batch.length === MAX_BATCH_TEXTS || (batch.length > 0 && characters + text.length > MAX_BATCH_CHARACTERS)) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(text);
    characters += text.length;
  }
  if (batch.length > 0) yield batch;
}

// The API refuses empty texts and lone surrogates, and one such text would fail its whole batch.
function embeddable(text: string): string {
  return text === '' ? ' ' : text.toWellFormed();
}

function pairVectors(answer: unknown, expected: number, model: string, dimensions: number | undefined): Float32Array[] {
  const bad = (given: string): ModelError =>
    new ModelError(
      'MODEL_BAD_REPLY',
      `The embedder "${model}" was expected to give ${String(expected)} vectors, one per text, but gave ${given}.`,
    );
  const data: unknown = typeof answer === 'object' && answer !== null && 'data' in answer ? answer.data : undefined;
  if (!Array.isArray(data)) throw bad('no list of vectors');
  if (data.length !== expected) throw bad(String(data.length));
  const vectors = new Array<Float32Array | undefined>(expected).fill(undefined);
  for (const [at, item] of (data as unknown[]).entries()) {
    if (typeof item !== 'object' || item === null || !('embedding' in item)) throw bad('an item without a vector');
    const index = 'index' in item && typeof item.index === 'number' ? item.index : at;
    if (!(index in vectors) || vectors[index] !== undefined) throw bad(`index ${String(index)} twice or out of range`);
    const vector = toUnitVector(item.embedding);
    if (vector === undefined) throw bad('a vector that is empty, zero or not made of finite numbers');
    vectors[index] = vector;
  }
  const whole = vectors.filter((vector) => vector !== undefined);
  const length = dimensions ?? whole[0]?.length;
  const odd = whole.find((vector) => vector.length !== length);
  if (odd !== undefined) throw bad(`a vector of ${String(odd.length)} numbers instead of ${String(length)}`);
  return whole;
}

function toUnitVector(embedding: unknown): Float32Array | undefined {
  if (!Array.isArray(embedding) || !embedding.every((value) => typeof value === 'number')) return undefined;
  const length = Math.hypot(...embedding);
  if (!Number.isFinite(length) || length === 0) return undefined;
  return Float32Array.from(embedding, (value) => value / length);
}
