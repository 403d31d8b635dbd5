import { HoldfastError } from '../errors/holdfast-error.ts';

/** Every way a model or embedder call can fail, as a caller can act on it. */
export type ModelErrorCode =
  | 'MODEL_AUTH'
  | 'MODEL_BAD_REQUEST'
  | 'MODEL_NOT_FOUND'
  | 'MODEL_RATE_LIMITED'
  | 'MODEL_UNAVAILABLE'
  | 'MODEL_TIMEOUT'
  | 'MODEL_BAD_REPLY'
  | 'MODEL_FILTERED'
  | 'MODEL_CUT_OFF'
  | 'MODEL_ABORTED';

/** The facts a {@link ModelError} carries besides its message. */
export interface ModelErrorOptions {
  /** The next step for the reader. @default a general one for the code */
  readonly hint?: string;
  /** Overrides what the code implies, for example for a used-up quota, which no waiting mends. @default by code */
  readonly retryable?: boolean;
  /** How long the server asks to wait, in milliseconds. @default none given */
  readonly retryAfterMs?: number;
  /** HTTP status of the answer. @default none: the request had no answer */
  readonly status?: number;
  /** The provider's id of the request, for its support. @default none given */
  readonly requestId?: string;
  /** The error underneath. Give it only when it cannot contain prompt text or keys: causes end up in Temporal histories. */
  readonly cause?: unknown;
}

const RETRYABLE: ReadonlySet<ModelErrorCode> = new Set<ModelErrorCode>([
  'MODEL_RATE_LIMITED',
  'MODEL_UNAVAILABLE',
  'MODEL_TIMEOUT',
  'MODEL_BAD_REPLY',
]);

const HINTS: Readonly<Record<ModelErrorCode, string>> = {
  MODEL_AUTH: 'Check the API key and that it may use this model at this base URL.',
  MODEL_BAD_REQUEST: 'Change the request: the same one will be refused again.',
  MODEL_NOT_FOUND: 'Check the model name and the base URL (it usually ends in /v1).',
  MODEL_RATE_LIMITED: 'Wait and try again, or lower the number of calls in flight.',
  MODEL_UNAVAILABLE: 'Check that the server at the base URL is up and reachable, then try again.',
  MODEL_TIMEOUT: 'Try again, raise timeoutMs, or ask for a shorter reply.',
  MODEL_BAD_REPLY: 'Try again; if it stays, check that the base URL points at an OpenAI-compatible API.',
  MODEL_FILTERED: "Rephrase the message: the provider's content filter stopped the call, and would stop it again.",
  MODEL_CUT_OFF:
    'Ask for less at once, or give the model more output tokens: it reached its limit before it had said anything.',
  MODEL_ABORTED: 'Nothing to do: the caller cancelled the call.',
};

/**
 * Thrown when a model or embedder gives no usable answer. `retryable` says whether the same call may succeed later.
 * Neither message nor cause ever holds the API key or prompt text, so the error may be logged and stored.
 */
export class ModelError extends HoldfastError {
  declare readonly code: ModelErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;

  constructor(code: ModelErrorCode, message: string, options: ModelErrorOptions = {}) {
    super(code, message, {
      hint: options.hint ?? HINTS[code],
      retryable: options.retryable ?? RETRYABLE.has(code),
      cause: options.cause,
    });
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
    this.requestId = options.requestId;
  }
}
