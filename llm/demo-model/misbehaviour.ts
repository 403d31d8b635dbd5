import { isRecord } from './conversation.ts';

/** A way in which the demo model can go wrong on purpose, for tests of whoever calls it. */
export type Misbehaviour =
  /** Answers with an error status. `retryAfter` goes into the Retry-After header as it is. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly message?: string;
      readonly code?: string;
    }
  /** Accepts the request and never answers. */
  | { readonly kind: 'hang' }
  /** Answers 200 with something that is not JSON. */
  | { readonly kind: 'garbage' }
  /** Ends the answer half-way: a cleanly closed stream without its end, or, with `reset`, a torn connection. */
  | { readonly kind: 'truncate'; readonly reset?: boolean }
  /** Stops half-way through the stream and keeps the connection open. */
  | { readonly kind: 'stall' }
  | { readonly kind: 'empty' }
  /** Calls a tool with arguments that are not JSON. */
  | { readonly kind: 'malformed-arguments' }
  /** Cuts the text off as if the token limit was reached. */
  | { readonly kind: 'length' }
  | { readonly kind: 'refusal'; readonly text?: string }
  /** Waits this long before each token. */
  | { readonly kind: 'slow'; readonly latencyMs: number }
  /** Gives this reply instead of the one the rules decide. */
  | {
      readonly kind: 'reply';
      readonly text?: string;
      readonly calls?: readonly { readonly name: string; readonly arguments: string }[];
      /** @default 'tool_calls' with calls, else 'stop' */
      readonly finish?: 'stop' | 'tool_calls' | 'length' | 'content_filter';
      /** How many tokens the server says it wrote. @default counted */
      readonly tokens?: number;
    }
  /** Embeddings: leaves the last vector out. */
  | { readonly kind: 'missing-vector' };

/** A request as the script of {@link Misbehaviour}s sees it. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed JSON body, or null. */
  readonly body: unknown;
}

const KINDS: ReadonlySet<string> = new Set<Misbehaviour['kind']>([
  'status',
  'hang',
  'garbage',
  'truncate',
  'stall',
  'empty',
  'malformed-arguments',
  'length',
  'refusal',
  'slow',
  'reply',
  'missing-vector',
]);

/**
 * Gives the misbehaviour asked for by the header `x-demo-script` or a line `x-demo-script: {…}` of a system message, for
 * callers in another process. The value is a Misbehaviour as JSON.
 */
export function requestedMisbehaviour({ headers, body }: RecordedRequest): Misbehaviour | undefined {
  const header = headers['x-demo-script'];
  if (typeof header === 'string') return parse(header);
  const messages: unknown = isRecord(body) ? body['messages'] : undefined;
  for (const message of Array.isArray(messages) ? (messages as unknown[]) : []) {
    if (!isRecord(message) || message['role'] !== 'system' || typeof message['content'] !== 'string') continue;
    const line = /^x-demo-script: (\{.*\})\s*$/m.exec(message['content'])?.[1];
    if (line !== undefined) return parse(line);
  }
  return undefined;
}

function parse(text: string): Misbehaviour | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isMisbehaviour(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMisbehaviour(value: unknown): value is Misbehaviour {
  if (!isRecord(value) || typeof value['kind'] !== 'string' || !KINDS.has(value['kind'])) return false;
  const { status, latencyMs } = value;
  if (value['kind'] === 'status')
    return typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599;
  return value['kind'] !== 'slow' || (typeof latencyMs === 'number' && latencyMs >= 0 && latencyMs <= 60_000);
}
