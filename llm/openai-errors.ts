import { APIConnectionTimeoutError, APIError } from 'openai';
import { ModelError, type ModelErrorCode } from './model-error.ts';

/** What {@link toModelError} needs to know about the call that failed. */
export interface FailedCall {
  /** What was attempted, for example `chat completion`. */
  readonly what: string;
  readonly model: string;
  readonly baseUrl: string;
  readonly timeoutMs: number;
  /** Why our own deadline ended the call, if it did. */
  readonly ended: 'no' | 'aborted' | 'timeout';
  /** Never to appear in the error: the key and all prompt text. */
  readonly secrets: { readonly apiKey: string; readonly prompt: readonly string[] };
}

/** Turns whatever the `openai` client threw into a ModelError that is safe to log and to store. */
export function toModelError(error: unknown, call: FailedCall): ModelError {
  if (error instanceof ModelError) return error;
  const where = `The ${call.what} by "${call.model}" at ${publicUrl(call.baseUrl)}`;
  if (call.ended === 'aborted') return new ModelError('MODEL_ABORTED', `${where} was cancelled by the caller.`);
  if (call.ended === 'timeout' || error instanceof APIConnectionTimeoutError) {
    return new ModelError('MODEL_TIMEOUT', `${where} gave no answer within timeoutMs = ${String(call.timeoutMs)}.`);
  }
  if (error instanceof SyntaxError) {
    // The parser's message quotes the body, which may quote the prompt: no cause.
    return new ModelError('MODEL_BAD_REPLY', `${where} was expected to answer JSON, but the body is not JSON.`);
  }
  if (!isApiError(error)) return unreachable(where, error);
  const status = statusOf(error);
  if (status === undefined) {
    return error.error === undefined
      ? unreachable(where, error.cause)
      : new ModelError('MODEL_UNAVAILABLE', `${where} broke off with an error: ${said(error, call)}`);
  }
  return fromStatus(error, status, where, call);
}

// A bare `instanceof` leaves the class's type arguments `any`.
function isApiError(error: unknown): error is APIError {
  return error instanceof APIError;
}

function fromStatus(error: APIError, status: number, where: string, call: FailedCall): ModelError {
  const exhausted = status === 402 || error.code === 'insufficient_quota' || error.type === 'insufficient_quota';
  // Some providers refuse a filtered prompt with a status instead of a finish reason.
  const filtered = error.code === 'content_filter' || error.code === 'content_policy_violation';
  const code = exhausted ? 'MODEL_RATE_LIMITED' : filtered ? 'MODEL_FILTERED' : codeOf(status);
  const retryAfterMs = readRetryAfterMs(error.headers);
  const requestId = error.requestID ?? undefined;
  return new ModelError(code, `${where} was answered with HTTP ${String(status)}: ${said(error, call)}`, {
    status,
    ...(exhausted && { retryable: false, hint: 'The quota is used up: add credit or use another key.' }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(requestId !== undefined && { requestId }),
  });
}

function codeOf(status: number): ModelErrorCode {
  if (status === 401 || status === 403) return 'MODEL_AUTH';
  if (status === 404) return 'MODEL_NOT_FOUND';
  if (status === 408) return 'MODEL_TIMEOUT';
  if (status === 429) return 'MODEL_RATE_LIMITED';
  // 409 and 425 are used by gateways for "try again in a moment".
  if (status >= 500 || status === 409 || status === 425) return 'MODEL_UNAVAILABLE';
  return 'MODEL_BAD_REQUEST';
}

// Some gateways answer 200 and put the real status into the error's code.
function statusOf(error: APIError): number | undefined {
  const status: unknown = error.status;
  if (typeof status === 'number') return status;
  const code = Number(error.code);
  return Number.isInteger(code) && code >= 400 && code <= 599 ? code : undefined;
}

function unreachable(where: string, cause: unknown): ModelError {
  const code = networkCode(cause);
  return new ModelError('MODEL_UNAVAILABLE', `${where} got no complete answer: the connection failed (${code}).`);
}

function networkCode(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return error instanceof Error ? error.name : 'unknown reason';
}

/** Reads `retry-after-ms` or `Retry-After` (seconds or an HTTP date). Gives undefined when neither makes sense. */
export function readRetryAfterMs(headers: Headers | undefined, now: () => number = Date.now): number | undefined {
  const milliseconds = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return Math.ceil(milliseconds);
  const value = headers?.get('retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now());
}

/** Gives the base URL without credentials and query, which may hold keys. */
export function publicUrl(baseUrl: string): string {
  if (!URL.canParse(baseUrl)) return 'an unreadable base URL';
  const { protocol, host, pathname } = new URL(baseUrl);
  return `${protocol}//${host}${pathname}`;
}

// What the server said is the most useful part of an error and the one that may echo key or prompt.
function said(error: APIError, call: FailedCall): string {
  const body: unknown = error.error;
  const raw = typeof body === 'string' ? body : messageIn(body);
  const text = redact(raw.slice(0, 300), call.secrets);
  return text === '' ? 'no explanation.' : text;
}

function messageIn(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('message' in body)) return '';
  return typeof body.message === 'string' ? body.message : '';
}

const WINDOW = 16;

/** Replaces the key, anything that looks like one, and every passage of 16 characters shared with the prompt. */
export function redact(text: string, secrets: FailedCall['secrets']): string {
  let clean = text.toWellFormed();
  if (secrets.apiKey.length > 3) clean = clean.replaceAll(secrets.apiKey, '[key]');
  clean = clean
    .replace(/\b(?:sk|pk|key|gsk|xai|hf)[-_][\w*.-]{6,}/gi, '[key]')
    .replace(/Bearer\s+\S+/gi, 'Bearer [key]');
  for (const part of secrets.prompt) {
    if (part.length > 3 && part.length < WINDOW) clean = clean.replaceAll(part, '[prompt]');
  }
  const prompt = secrets.prompt.join('\n');
  const hidden = new Array<boolean>(clean.length).fill(false);
  for (let at = 0; at + WINDOW <= clean.length; at += 1) {
    if (prompt.includes(clean.slice(at, at + WINDOW))) hidden.fill(true, at, at + WINDOW);
  }
  let out = '';
  for (let at = 0; at < clean.length; at += 1) {
    if (hidden[at] !== true) out += clean[at] ?? '';
    else if (hidden[at - 1] !== true) out += '[prompt]';
  }
  return out.trim();
}
