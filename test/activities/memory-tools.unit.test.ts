import { expect, test } from 'vitest';
import { memoryToolNames } from '../../agents/memory-tool-names.ts';
import { defineAgent } from '../../agents/index.ts';
import { toolSpecs } from '../../activities/configure-agent.ts';
import { memoryToolSpecs, parseMemoryCall } from '../../activities/memory-tools.ts';
import { memoryNames, namedMemory } from '../../activities/named-memories.ts';

const memory = { subject: 'user', relation: 'lives_in', value: 'Lisbon', text: 'The user lives in Lisbon.' };
const remember = (value: unknown) => parseMemoryCall('memory_remember', JSON.stringify(value));

test('memories without a kind are facts', async () => {
  expect(await remember({ memories: [memory, { ...memory, kind: 'preference' }] })).toEqual({
    tool: 'memory_remember',
    memories: [
      { ...memory, kind: 'fact' },
      { ...memory, kind: 'preference' },
    ],
  });
});

test.each([
  { why: 'no memories', value: { memories: [] } },
  { why: 'too many', value: { memories: Array(51).fill(memory) } },
  { why: 'another kind', value: { memories: [{ ...memory, kind: 'dream' }] } },
  { why: 'an empty text', value: { memories: [{ ...memory, text: '' }] } },
  { why: 'a text that is too long', value: { memories: [{ ...memory, text: 'x'.repeat(8_001) }] } },
  { why: 'one bad among good', value: { memories: [memory, { ...memory, subject: 5 }] } },
])('$why: refused as a whole', async ({ value }) => {
  await expect(remember(value)).rejects.toMatchObject({ code: 'INVALID_ARGUMENTS' });
});

test('text that is not JSON is a syntax error', async () => {
  await expect(parseMemoryCall('memory_remember', '{"memories": [')).rejects.toThrow(SyntaxError);
});

test('each tool is offered with a schema the model can follow', () => {
  expect(memoryToolSpecs.map(({ name }) => name)).toEqual([...memoryToolNames]);
  for (const { parameters, description } of memoryToolSpecs) {
    expect(parameters).toMatchObject({
      type: 'object',
      required: expect.arrayContaining([expect.any(String)]) as string[],
    });
    expect(description).not.toBe('');
  }
});

test('an agent gets the tools it names; those of blocks by default only with blocks', () => {
  const named = (options: Partial<Parameters<typeof defineAgent>[0]>): string[] =>
    toolSpecs(defineAgent({ name: 'a', instructions: '', ...options })).map(({ name }) => name);
  expect(named({})).toEqual(['memory_remember', 'memory_search', 'memory_correct', 'memory_forget']);
  expect(named({ blocks: [{ label: 'b', description: '', value: '' }] })).toEqual([...memoryToolNames]);
  expect(named({ memory: { tools: false } })).toEqual([]);
  expect(named({ memory: { tools: ['block_append', 'memory_search'] } })).toEqual(['memory_search', 'block_append']);
  expect(() => named({ memory: { tools: ['memory_erase' as 'memory_search'] } })).toThrow(/memory\.tools\[0\]/);
});

test('memories are named by label, alias or id, with or without brackets', () => {
  const item = { score: 1, ranks: {}, factors: {}, reason: '', rejected: null };
  const call = { id: 'c1', name: 'memory_search', arguments: '{}' };
  const names = memoryNames(
    [
      { ...item, id: 'm-a', kind: 'fact', label: 'm1' },
      { ...item, id: 'm-hidden', kind: 'fact', label: null },
    ],
    [
      { role: 'assistant', content: null, toolCalls: [call, { ...call, id: 'c2', name: 'web' }], position: 1 },
      {
        role: 'tool',
        toolCallId: 'c1',
        content: '{"memories":[{"alias":"s1-1","id":"m-b","kind":"round","text":"x"}]}',
        position: 2,
      },
      // What another tool says names nothing.
      {
        role: 'tool',
        toolCallId: 'c2',
        content: '{"memories":[{"alias":"m1","id":"m-evil","kind":"fact"}]}',
        position: 3,
      },
    ],
  );
  expect(namedMemory(names, ' [m1] ')).toEqual({ id: 'm-a', kind: 'fact' });
  expect(namedMemory(names, 's1-1')).toEqual({ id: 'm-b', kind: 'round' });
  expect(namedMemory(names, 'm-c').id).toBe('m-c');
});
