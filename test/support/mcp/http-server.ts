import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createTestServer } from './test-server.ts';

/** An MCP server over streamable HTTP that lets in who knows the token. */
export interface HttpMcpServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Starts the test server on a port. @param port 0 = any */
export async function startHttpMcp({ port = 0, token }: { port?: number; token: string }): Promise<HttpMcpServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const server = createServer((request, response) => {
    void (async () => {
      if (request.headers.authorization !== `Bearer ${token}`) {
        response.writeHead(401).end();
        return;
      }
      const id = request.headers['mcp-session-id'];
      let transport = typeof id === 'string' ? sessions.get(id) : undefined;
      if (!transport && id !== undefined) {
        // As the protocol has it for a session that the server does not know.
        response.writeHead(404).end();
        return;
      }
      if (!transport) {
        const opened = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => crypto.randomUUID(),
          onsessioninitialized: (session) => void sessions.set(session, opened),
        });
        transport = opened;
        await createTestServer().connect(opened);
      }
      await transport.handleRequest(request, response, await bodyOf(request));
    })();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo; // A listening TCP server always has one.
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    port: address.port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const transport of sessions.values()) await transport.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}
