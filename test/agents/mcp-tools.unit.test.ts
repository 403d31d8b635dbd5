import { expect, test } from 'vitest';
import { defineAgent, mcpTools } from '../../agents/index.ts';
import { McpToolError, readMcpResult } from '../../agents/mcp-result.ts';

test.each<{ readonly options: object; readonly says: RegExp }>([
  { options: {}, says: /^command of MCP server "s" must be given, or `url`, and not both, but nothing was given/ },
  { options: { command: 'x', url: 'http://x' }, says: /not both, but "x"/ },
  { options: { url: 'ftp://x' }, says: /url of MCP server "s" must be an http or https address/ },
  { options: { name: 'a b', command: 'x' }, says: /name of MCP server "a b" must be 1 to 32/ },
  { options: { command: 'x', args: 'y' }, says: /args of MCP server "s" must be a list/ },
  { options: { command: 'x', connectTimeoutMs: 0 }, says: /connectTimeoutMs/ },
])('a server that cannot be meant is refused: $says', ({ options, says }) => {
  const refused = (): unknown => mcpTools({ name: 's', ...options });
  expect(refused).toThrow(says);
  expect(refused).toThrow(expect.objectContaining({ code: 'MCP_INVALID' }));
});

test('a server stands among the tools of an agent, once', () => {
  const source = mcpTools({ name: 's', command: 'x' });
  expect(defineAgent({ name: 'a', instructions: '', tools: [source] })).toMatchObject({ tools: [], sources: [source] });
  expect(() => defineAgent({ name: 'a', instructions: '', tools: [source, source] })).toThrow(/tools\[1\] .* "s"/);
});

test.each<{ readonly result: Record<string, unknown>; readonly gives: unknown }>([
  {
    result: {
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
    },
    gives: 'one\ntwo',
  },
  { result: { content: [], structuredContent: { n: 1 } }, gives: { n: 1 } },
  { result: {}, gives: '' },
  {
    result: { content: [{ type: 'image', data: 'AAAA', mimeType: 'image/png' }] },
    gives: '[image, 4 characters of base64: not shown to the model]',
  },
  { result: { content: [{ type: 'resource', resource: { uri: 'f:/a', text: 'inside' } }] }, gives: 'inside' },
  { result: { content: [{ type: 'resource_link', uri: 'f:/a', name: 'a' }] }, gives: '[resource f:/a]' },
  { result: { content: [5] }, gives: '[content of an unknown kind]' },
])('a result becomes $gives', ({ result, gives }) => {
  expect(readMcpResult(result)).toEqual(gives);
});

test('an error of the server is the answer of the tool', () => {
  const answer = (): unknown => readMcpResult({ isError: true, content: [{ type: 'text', text: 'no such row' }] });
  expect(answer).toThrow(McpToolError);
  expect(answer).toThrow('no such row');
});
