import { definitionChecks } from './definition-checks.ts';
import type { ToolOptions } from './define-tool.ts';
import type { ToolSource } from './tool-source.ts';

/** Arguments of a tool that a server describes. */
export type McpArguments = Readonly<Record<string, unknown>>;

/** How calls of a server's tools are treated; as for tools of your own. */
export type McpToolPolicy = Partial<
  Omit<ToolOptions<McpArguments>, 'name' | 'description' | 'input' | 'parameters' | 'output' | 'execute'>
>;

/** Which server, and how its tools are treated. Either `command` (stdio) or `url` (streamable HTTP). */
export interface McpOptions extends McpToolPolicy {
  /** 1 to 32 letters, digits, `_` and `-`; tools are called `<name>_<tool>`. */
  readonly name: string;
  /** Program that is started and spoken to over its stdin and stdout. */
  readonly command?: string;
  readonly args?: readonly string[];
  /** Environment of the program, besides PATH, HOME and the like. @default nothing */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Address of a streamable HTTP server. */
  readonly url?: string;
  /** Sent with every request, for example `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Names of the server's tools to offer, as the server calls them. @default all of them */
  readonly allow?: readonly string[];
  /** Policies for single tools, by the server's name of each. What a server says about its own tools is not believed. */
  readonly tools?: Readonly<Record<string, McpToolPolicy>>;
  /** Longest wait for a connection and its first answers, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number;
}

/**
 * Declares the tools of an MCP server for an agent's `tools`. A person approves every call (`approval: 'always'`) unless you say
 * otherwise. The effect key travels as `_meta["holdfast/effectKey"]`. A server that is down costs its tools, never the worker.
 * Throws InvalidDefinitionError MCP_INVALID.
 */
export function mcpTools(options: McpOptions): ToolSource {
  const named: unknown = (options as Partial<McpOptions> | undefined)?.name;
  const checks = definitionChecks(
    'MCP_INVALID',
    typeof named === 'string' ? `MCP server "${named.slice(0, 80)}"` : 'an MCP server',
  );
  checks.object('', options);
  const { name, command, url, args, env, headers, allow, tools, connectTimeoutMs = 10_000 } = options;
  if (typeof named !== 'string' || !/^[A-Za-z0-9_-]{1,32}$/.test(named) || named.endsWith('\n'))
    checks.fail('name', '1 to 32 letters, digits, "_" or "-"', named);
  if ((command === undefined) === (url === undefined))
    checks.fail('command', 'given, or `url`, and not both', command ?? url);
  if (command !== undefined) checks.text('command', command);
  if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    checks.fail('url', 'an http or https address', url);
  for (const [option, list] of Object.entries({ args, allow })) {
    if (list === undefined) continue;
    checks.list(option, list);
    for (const [index, one] of list.entries()) checks.text(`${option}[${index}]`, one, { min: 0 });
  }
  for (const [option, record] of Object.entries({ env, headers, tools }))
    if (record !== undefined) checks.object(option, record);
  checks.count('connectTimeoutMs', connectTimeoutMs);
  return {
    kind: 'tool-source',
    name,
    open: (observer) => {
      // The SDK is loaded by workers that need it, not by everybody who defines an agent.
      const opening = import('./mcp-connection.ts').then(({ openMcpServer }) =>
        openMcpServer({ ...options, connectTimeoutMs }, observer),
      );
      return {
        ready: opening.then(({ ready }) => ready),
        close: async () => (await opening).close(),
      };
    },
  };
}
