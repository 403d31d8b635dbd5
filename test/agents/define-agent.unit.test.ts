import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineConfig, defineTool } from '../../agents/index.ts';

const tool = (name: string) =>
  defineTool({ name, description: 'Does.', input: z.object({ n: z.number() }), execute: ({ n }) => n });

test('every option of an agent is filled in', () => {
  expect(defineAgent({ name: 'a', instructions: 'Be.' })).toEqual({
    name: 'a',
    instructions: 'Be.',
    model: null,
    blocks: [],
    tools: [],
    memory: { tools: true, extract: true, recallLimit: 8, recallTokens: 1_200, messageTokens: 6_000 },
    limits: { maxSteps: 40 },
  });
});

test('what is given stands; what is not keeps its default', () => {
  const agent = defineAgent({
    name: 'a',
    instructions: 'Be.',
    model: 'm',
    memory: { extract: false, recallLimit: 2 },
    blocks: [
      { label: 'x', description: 'd', value: 'v' },
      { label: 'y', description: 'd', value: 'v', limit: 5 },
    ],
  });
  expect(agent.model).toBe('m');
  expect(agent.memory).toMatchObject({ tools: true, extract: false, recallLimit: 2, recallTokens: 1_200 });
  expect(agent.blocks.map(({ limit }) => limit)).toEqual([2_000, 5]);
});

test('an agent needs a name, and tools of different names', () => {
  expect(() => defineAgent({ name: '', instructions: '' })).toThrow(/needs a name/);
  expect(() => defineAgent({ name: 'a', instructions: '', tools: [tool('t'), tool('u'), tool('t')] })).toThrow(
    /"a" has two tools called "t"/,
  );
});

test('every option of a tool is filled in: nothing is repeatable unless it says so', () => {
  expect(tool('t')).toMatchObject({
    approval: 'never',
    approvalTimeoutMs: 86_400_000,
    repeatable: false,
    timeoutMs: 30_000,
  });
});

test.each(['', 'a b', 'größe', 'a.b', 'x'.repeat(65), 'a\n'])('the tool name %j is refused', (name) => {
  expect(() => tool(name)).toThrow(/1 to 64 letters/);
});

test.each(['a', 'A_b-9', 'x'.repeat(64)])('the tool name %j is taken', (name) => {
  expect(tool(name).name).toBe(name);
});

test('a configuration is given back as it is', () => {
  const config = { agents: [defineAgent({ name: 'a', instructions: '' })] };
  expect(defineConfig(config)).toBe(config);
});
