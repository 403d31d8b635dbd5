import type { Tool } from '../agents/define-tool.ts';
import { checkValue } from '../agents/schema.ts';
import type { ToolCompleted } from '../memory/events.ts';
import { shorten } from '../memory/text.ts';
import { scrubber } from '../scrub/scrub.ts';

/** How a tool call ended, without the call itself. */
export type ToolEnd = Pick<ToolCompleted['data'], 'outcome' | 'code' | 'result'>;

/**
 * Gives what became of a value that a tool returned: text for the model, or why it is none, without what the tool's policy scrubs. The tool
 * has run in any case.
 */
export async function readToolResult(tool: Tool, value: unknown): Promise<ToolEnd> {
  const clean = scrubber(tool.scrub);
  let checked = value;
  if (tool.output !== null) {
    const outcome = await checkValue(tool.output, value);
    if ('problems' in outcome) {
      const problems = shorten(clean(outcome.problems.join('; ')), 2_000);
      return failed(
        'RESULT_INVALID',
        `"${tool.name}" ran, but its result does not fit its output schema: ${problems}.`,
      );
    }
    checked = outcome.value;
  }
  let text: string;
  try {
    // Before it is cut: half of a secret would not be known for one.
    text = clean(toText(checked));
  } catch (error) {
    return failed(
      'RESULT_NOT_SERIALISABLE',
      `"${tool.name}" ran, but its result is no JSON: ${clean(problemOf(error))}.`,
    );
  }
  if (text.length <= tool.maxResultLength) return { outcome: 'ok', code: null, result: text };
  const kept = text.slice(0, tool.maxResultLength).toWellFormed();
  return {
    outcome: 'ok',
    code: 'RESULT_CUT',
    result: `${kept}\n[cut: ${text.length} characters in all, ${tool.maxResultLength} kept]`,
  };
}

/** The end of a call whose tool threw. Whatever was thrown: its message is the model's to read. */
export function threw(tool: Tool, error: unknown): ToolEnd {
  const problem = shorten(scrubber(tool.scrub)(problemOf(error)), 2_000);
  return failed(codeOf(error) ?? 'TOOL_THREW', `"${tool.name}" failed: ${problem}`);
}

/** A call that failed, with the reason for programs and for the model. */
export function failed(code: string, result: string): ToolEnd {
  return { outcome: 'failed', code, result };
}

/** Nothing returned is `done`; text stays as it is; everything else is JSON, or an error that names the place it cannot say. */
function toText(value: unknown): string {
  if (value === undefined) return 'done';
  if (typeof value === 'string') return value;
  return JSON.stringify(value, function (this: unknown, key: string, inner: unknown): unknown {
    // JSON leaves these out or writes {} without a word: the model would take what is missing for what is not there.
    const kind = unspeakable(inner);
    if (kind !== null) throw new TypeError(key === '' ? `it is ${kind}` : `"${key}" is ${kind}`);
    return inner;
  });
}

function unspeakable(value: unknown): string | null {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'bigint') return 'a BigInt';
  if (value instanceof Map) return 'a Map';
  if (value instanceof Set) return 'a Set';
  return null;
}

function problemOf(error: unknown): string {
  if (error instanceof RangeError) return 'it is too large or too deep';
  const message = error instanceof Error ? error.message : text(error);
  // V8 draws the circle over several lines.
  return message.startsWith('Converting circular structure') ? 'it holds itself' : message || 'no reason was given';
}

/** Objects without a prototype cannot become text. */
function text(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'a thrown value that has no text';
  }
}

/** Tools may name their failures: an error's own upper-case `code` is kept. */
function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return /^[A-Z][A-Z0-9_]{2,63}$/.test(error.code) ? error.code : null;
}
