import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

/** Builds an MCP server whose tools show what reached it and go wrong on demand. */
export function createTestServer(): McpServer {
  const server = new McpServer({ name: 'probe', version: '1.0.0' });
  const say = (text: string) => ({ content: [{ type: 'text' as const, text }] });
  server.registerTool('add', { description: 'Adds.', inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) =>
    say(`sum ${a + b}`),
  );
  server.registerTool('key', { description: 'Tells its effect key.' }, ({ _meta }) =>
    say(`key ${String(_meta?.['holdfast/effectKey'])}`),
  );
  server.registerTool('refuses', { description: 'Refuses.' }, () => ({ ...say('no such row'), isError: true }));
  server.registerTool('hangs', { description: 'Never answers.' }, () => new Promise<never>(() => undefined));
  server.registerTool('dies', { description: 'Ends its process.' }, () => process.exit(3));
  server.registerTool('picture', { description: 'Draws.' }, () => ({
    content: [
      { type: 'text', text: 'a dot' },
      { type: 'image', data: 'AAAA', mimeType: 'image/png' },
    ],
  }));
  server.registerTool('grow', { description: 'Gets another tool.' }, () => {
    server.registerTool('late', { description: 'Came later.' }, () => say('late but here'));
    return say('grown');
  });
  return server;
}
