import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { createTestServer } from './test-server.ts';

// A program that speaks MCP over its stdin and stdout.
await createTestServer().connect(new StdioServerTransport());
