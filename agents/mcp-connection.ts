import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ErrorCode, McpError, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { defineTool } from './define-tool.ts';
import type { Tool, ToolContext } from './define-tool.ts';
import { McpConnectionLostError, McpUnavailableError, readMcpResult } from './mcp-result.ts';
import type { McpArguments, McpOptions, McpToolPolicy } from './mcp-tools.ts';
import type { InputSchema, JsonSchema } from './schema.ts';
import type { OpenToolSource, ToolSourceObserver } from './tool-source.ts';

const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** Pages of tools that are read before a server is taken for endless. */
const mostPages = 100;

type Options = McpOptions & { readonly connectTimeoutMs: number };

/** Connects to an MCP server, lists its tools, follows their changes, and connects again when it was lost. */
export function openMcpServer(options: Options, observer: ToolSourceObserver): OpenToolSource {
  const stopping = new AbortController();
  let connected: Promise<Client> | undefined;
  let retrying: Promise<void> | undefined;
  const first = connect().then(
    () => undefined,
    () => {
      retryInBackground();
    },
  );
  return {
    ready: first,
    close: async () => {
      stopping.abort();
      const client = await connected?.catch(() => undefined);
      await client?.close().catch(() => undefined);
      await retrying;
    },
  };

  /** The connection there is, or a new one. Throws McpUnavailableError. */
  function connect(): Promise<Client> {
    connected ??= openClient().catch((error: unknown) => {
      connected = undefined;
      const reason = reasonOf(error);
      observer.onDown(reason);
      throw new McpUnavailableError(options.name, reason);
    });
    return connected;
  }

  async function openClient(): Promise<Client> {
    stopping.signal.throwIfAborted();
    const client = new Client({ name: 'holdfast', version: '1' });
    const limit = { timeout: options.connectTimeoutMs, signal: stopping.signal };
    try {
      await client.connect(transportOf(options), limit);
      client.onclose = () => lost(client);
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => offer(client));
      await offer(client, limit);
      return client;
    } catch (error) {
      await client.close().catch(() => undefined);
      throw error;
    }
  }

  async function offer(
    client: Client,
    limit = { timeout: options.connectTimeoutMs, signal: stopping.signal },
  ): Promise<void> {
    const listed: ListedTool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < mostPages; page++) {
      const { tools, nextCursor } = await client.listTools(cursor === undefined ? {} : { cursor }, limit);
      listed.push(...tools);
      cursor = nextCursor;
      if (cursor === undefined) break;
    }
    observer.onTools(toTools(listed));
  }

  function toTools(listed: readonly ListedTool[]): Tool[] {
    const tools = new Map<string, Tool>();
    for (const { name, title, description, inputSchema } of listed) {
      if (options.allow?.includes(name) === false) continue;
      const own = `${options.name}_${name}`.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
      try {
        if (tools.has(own)) throw new Error(`another tool of the server is called "${own}", too`);
        // Its `$schema` says which dialect it is written in; models have no use for it.
        const { $schema: _dialect, ...parameters } = inputSchema;
        const tool = defineTool<McpArguments>({
          approval: 'always',
          ...policyOf(options),
          ...options.tools?.[name],
          name: own,
          description: description?.trim() || title || name,
          input: jsonSchemaInput(parameters),
          parameters,
          execute: (given, context) => call(name, given, context, tools.get(own)),
        });
        tools.set(own, tool);
      } catch (error) {
        observer.onSkipped(name, reasonOf(error));
      }
    }
    return [...tools.values()];
  }

  async function call(
    name: string,
    given: McpArguments,
    context: ToolContext,
    tool: Tool | undefined,
  ): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const client = await connect();
      try {
        const result = await client.callTool(
          { name, arguments: given, _meta: { 'holdfast/effectKey': context.effectKey } },
          undefined,
          // The context's signal ends it first.
          { signal: context.signal, timeout: (tool?.timeoutMs ?? 30_000) + 5_000 },
        );
        return readMcpResult(result);
      } catch (error) {
        if (context.signal.aborted || !isLost(error)) throw error;
        lost(client);
        // A server that was started anew does not know our session, and one that does not listen got nothing: neither made the call.
        if (!wasNotMade(error)) throw new McpConnectionLostError(options.name);
        if (attempt > 1) throw new McpUnavailableError(options.name, reasonOf(error));
      }
    }
  }

  function isStopping(): boolean {
    return stopping.signal.aborted;
  }

  function lost(client: Client): void {
    if (stopping.signal.aborted) return;
    client.onclose = undefined;
    connected = undefined;
    void client.close().catch(() => undefined);
    observer.onDown('the connection was lost');
    retryInBackground();
  }

  function retryInBackground(): void {
    retrying ??= (async () => {
      for (let pause = firstPauseMs; !isStopping(); pause = Math.min(pause * 2, longestPauseMs)) {
        await delay(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
        if (isStopping()) return;
        const isUp = await connect().then(
          () => true,
          () => false,
        );
        if (isUp) return;
      }
    })().finally(() => (retrying = undefined));
  }
}

function transportOf({ command, args = [], env = {}, cwd, url, headers = {} }: Options): Transport {
  if (url !== undefined)
    return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { ...headers } } });
  return new StdioClientTransport({
    command: command ?? '',
    args: [...args],
    env: { ...getDefaultEnvironment(), ...env },
    // What it prints there is its own affair and may quote conversations.
    stderr: 'ignore',
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** The part of the options that is about calls. */
function policyOf(options: McpOptions): McpToolPolicy {
  const { name: _n, command: _c, args: _a, env: _e, cwd: _w, url: _u, headers: _h, ...rest } = options;
  const { allow: _l, tools: _t, connectTimeoutMs: _m, ...policy } = rest;
  return policy;
}

/** A server's JSON Schema as the check of arguments. One that cannot be read lets everything pass: the server checks, too. */
function jsonSchemaInput(schema: JsonSchema): InputSchema<McpArguments> {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.validateSchema(schema) === true ? ajv.compile(schema) : null;
  return {
    '~standard': {
      version: 1,
      vendor: 'mcp',
      validate: (value) => {
        if (validate === null || validate(value)) return { value: value as McpArguments };
        const issues = (validate.errors ?? []).map(({ instancePath, message }) => ({
          message: message ?? 'does not fit',
          path: instancePath.split('/').slice(1),
        }));
        return { issues };
      },
    },
  };
}

function isLost(error: unknown): boolean {
  return error instanceof McpError
    ? isClosed(error)
    : error instanceof StreamableHTTPError || error instanceof TypeError || isNotConnected(error);
}

function wasNotMade(error: unknown): boolean {
  if (error instanceof StreamableHTTPError) return error.code === 404 || error.code === 400;
  if (isNotConnected(error)) return true;
  const cause = error instanceof TypeError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
}

// Compared as a number: the SDK's own comparison is with an enum that servers are free to leave.
function isClosed(error: McpError): boolean {
  return error.code === (ErrorCode.ConnectionClosed as number);
}

/** The SDK has no class for it. */
function isNotConnected(error: unknown): boolean {
  return error instanceof Error && error.message === 'Not connected';
}

/** Words for the worker's log. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? `${error.message}: ${String(cause.code)}` : error.message;
}
