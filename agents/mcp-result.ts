import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when an MCP server answers a call with an error: that is the tool's answer, so it is not tried again. */
export class McpToolError extends HoldfastError {
  constructor(message: string) {
    super('MCP_TOOL_ERROR', message);
  }
}

/** Thrown when an MCP server cannot be reached; the call was not made. */
export class McpUnavailableError extends HoldfastError {
  constructor(server: string, reason: string) {
    super('MCP_UNAVAILABLE', `The MCP server "${server}" cannot be reached (${reason}); the call was not made.`, {
      hint: 'Start the server; the worker connects by itself.',
      retryable: true,
    });
  }
}

/** Thrown when the connection broke during a call: whether the server did it is unknown. */
export class McpConnectionLostError extends HoldfastError {
  constructor(server: string) {
    super(
      'OUTCOME_UNKNOWN',
      `The connection to the MCP server "${server}" broke during the call: the outcome is unknown. Check before trying again.`,
      { retryable: true },
    );
  }
}

/** Gives what a server answered as a tool's result: texts as they are, other content described. Throws McpToolError. */
export function readMcpResult(result: Readonly<Record<string, unknown>>): unknown {
  const content: readonly unknown[] = Array.isArray(result['content']) ? result['content'] : [];
  const text = content.map(partText).join('\n');
  if (result['isError'] === true) throw new McpToolError(text === '' ? 'the server gave no reason' : text);
  return text === '' ? (result['structuredContent'] ?? '') : text;
}

function partText(part: unknown): string {
  if (typeof part !== 'object' || part === null || !('type' in part)) return '[content of an unknown kind]';
  if (part.type === 'text' && 'text' in part) return String(part.text);
  if (part.type === 'resource_link' && 'uri' in part) return `[resource ${String(part.uri)}]`;
  if (part.type === 'resource' && 'resource' in part && typeof part.resource === 'object' && part.resource !== null) {
    const { text, uri } = part.resource as { readonly text?: unknown; readonly uri?: unknown };
    return typeof text === 'string' ? text : `[resource ${String(uri)}, not text]`;
  }
  const size = 'data' in part && typeof part.data === 'string' ? `, ${part.data.length} characters of base64` : '';
  return `[${String(part.type)}${size}: not shown to the model]`;
}
