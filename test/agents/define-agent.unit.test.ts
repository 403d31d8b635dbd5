import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineConfig, defineTool, InvalidDefinitionError } from '../../agents/index.ts';
import type { AgentOptions, InputSchema, ToolOptions } from '../../agents/index.ts';

const input = z.object({ n: z.number() });
const tool = (name: string, more: Partial<ToolOptions<{ n: number }>> = {}) =>
  defineTool({ name, description: 'Does.', input, execute: ({ n }) => n, ...more });

/** A schema by hand: no library, and no JSON Schema either. */
const even: InputSchema<{ readonly n: number }> = {
  '~standard': {
    version: 1,
    vendor: 'by-hand',
    validate: (value) => {
      const n = typeof value === 'object' && value !== null && 'n' in value ? value.n : undefined;
      return typeof n === 'number' && n % 2 === 0
        ? { value: { n } }
        : { issues: [{ message: 'must be even', path: ['n'] }] };
    },
  },
};

test('every option of an agent is filled in', () => {
  expect(defineAgent({ name: 'a', instructions: 'Be.' })).toEqual({
    name: 'a',
    instructions: 'Be.',
    model: null,
    modelOptions: {},
    blocks: [],
    tools: [],
    sources: [],
    approvals: {},
    memory: {
      tools: ['memory_remember', 'memory_search', 'memory_correct', 'memory_forget'],
      extract: true,
      extractor: 'model',
      kinds: ['preference', 'fact', 'task_state', 'feedback', 'procedure'],
      ownKinds: [],
      ttl: { episode: 365, preference: null, fact: null, task_state: null, feedback: null },
      scrub: null,
      writes: { preference: 'auto', fact: 'auto', task_state: 'auto', feedback: 'auto', procedure: 'auto' },
      recallLimit: 8,
      recallTokens: 1_200,
      messageTokens: 6_000,
      recall: {},
      compact: true,
    },
    limits: {
      maxSteps: 40,
      maxToolCalls: 100,
      maxTokens: null,
      maxCostUsd: null,
      prices: {},
      maxWallMs: null,
      maxDepth: 3,
    },
    stream: true,
  });
});

test('what is given stands; what is not keeps its default', () => {
  const agent = defineAgent({
    name: 'a',
    instructions: 'Be.',
    model: 'm',
    modelOptions: { stop: ['END'], temperature: 0 },
    memory: { extract: false, recallLimit: 2 },
    blocks: [
      { label: 'x', description: 'd', value: 'v' },
      { label: 'y', description: 'd', value: 'v', limit: 5 },
    ],
    limits: { maxToolCalls: 3, maxCostUsd: 0.5, prices: { m: { inputPerMillion: 1, outputPerMillion: 2 } } },
  });
  expect(agent.model).toBe('m');
  expect(agent.modelOptions).toEqual({ temperature: 0, stop: ['END'] });
  expect(agent.memory).toMatchObject({ extract: false, recallLimit: 2, recallTokens: 1_200 });
  expect(agent.blocks.map(({ limit }) => limit)).toEqual([2_000, 5]);
  expect(agent.limits).toMatchObject({ maxSteps: 40, maxToolCalls: 3, maxCostUsd: 0.5, maxTokens: null });
});

test("an agent's rules about approvals take the place of its tools' own", () => {
  const tools = [tool('t'), tool('u', { approval: 'always' }), tool('v', { risk: 'high' })];
  const approvals = { u: { approval: 'never' as const }, '*': { approval: 'always' as const, approvalTimeoutMs: 5 } };
  const agent = defineAgent({ name: 'a', instructions: '', tools, approvals });
  expect(agent.tools.map(({ approval, approvalTimeoutMs, risk }) => [approval, approvalTimeoutMs, risk])).toEqual([
    ['always', 5, 'medium'],
    ['never', 86_400_000, 'medium'],
    ['always', 5, 'high'],
  ]);
  // The tools themselves are as they were: another agent may have other rules.
  expect(tools[0]?.approval).toBe('never');
});

test('every option of a tool is filled in: nothing is repeatable unless it says so', () => {
  expect(tool('t')).toMatchObject({
    approval: 'never',
    approvalTimeoutMs: 86_400_000,
    repeatable: false,
    timeoutMs: 30_000,
    maxResultLength: 65_536,
    scrub: null,
    output: null,
    parameters: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
  });
});

test('a Standard Schema of no library works, with `parameters` for the model', () => {
  const parameters = { type: 'object', properties: { n: { type: 'integer', multipleOf: 2 } }, required: ['n'] };
  const halve = defineTool({
    name: 'halve',
    description: 'Halves.',
    input: even,
    parameters,
    // Typed by the schema.
    execute: ({ n }) => n / 2,
  });
  expect(halve.parameters).toEqual(parameters);
});

/** Definitions that cannot work, as people write them: typed as nothing, because some come from plain JavaScript. */
const wrongAgents: readonly { readonly options: unknown; readonly says: RegExp }[] = [
  { options: undefined, says: /^an agent must be an object, but nothing was given/ },
  {
    options: { instructions: '' },
    says: /^name of an agent must be text of 1 to 100 characters, but nothing was given/,
  },
  { options: { name: '' }, says: /^name of agent "" must be .*, but "" was given/ },
  { options: { instructions: 5 }, says: /instructions of agent "a" must be text .* but 5 was given/ },
  { options: { limit: { maxSteps: 1 } }, says: /limit of agent "a" must be left out \(known are .*limits/ },
  { options: { limits: { maxStep: 1 } }, says: /limits\.maxStep of agent "a" must be left out \(known are maxSteps, / },
  { options: { limits: { maxSteps: 0 } }, says: /limits\.maxSteps .* a whole number from 1, but 0 was given/ },
  { options: { limits: { maxToolCalls: 1.5 } }, says: /limits\.maxToolCalls .* but 1\.5 was given/ },
  { options: { limits: { maxTokens: '9' } }, says: /limits\.maxTokens .* but "9" was given/ },
  { options: { limits: { maxWallMs: Infinity } }, says: /limits\.maxWallMs .* whole number/ },
  { options: { limits: { maxCostUsd: 1 } }, says: /limits\.prices .* every model the agent may use/ },
  {
    options: { model: 'm', limits: { maxCostUsd: 1, prices: { n: { inputPerMillion: 1, outputPerMillion: 1 } } } },
    says: /limits\.prices .* given for "m"/,
  },
  {
    options: { limits: { prices: { m: { inputPerMillion: 1 } } } },
    says: /limits\.prices\["m"\]\.outputPerMillion .* but nothing/,
  },
  { options: { modelOptions: [] }, says: /modelOptions of agent "a" must be an object, but a list of 0/ },
  {
    options: { modelOptions: { temprature: 1 } },
    says: /modelOptions\.temprature .* left out \(known are temperature, /,
  },
  { options: { modelOptions: { toString: 1 } }, says: /modelOptions\.toString of agent "a" must be left out/ },
  { options: { modelOptions: { temperature: 2.1 } }, says: /modelOptions\.temperature .* from 0 to 2, but 2\.1 was/ },
  { options: { modelOptions: { temperature: null } }, says: /modelOptions\.temperature .* from 0 to 2, but null was/ },
  { options: { modelOptions: { topP: NaN } }, says: /modelOptions\.topP .* a number from 0 to 1/ },
  { options: { modelOptions: { maxOutputTokens: 0 } }, says: /modelOptions\.maxOutputTokens .* from 1, but 0 was/ },
  { options: { modelOptions: { seed: 0.5 } }, says: /modelOptions\.seed .* a whole number, but 0\.5 was/ },
  { options: { modelOptions: { reasoningEffort: 'lots' } }, says: /reasoningEffort .*"low" or .* but "lots" was/ },
  { options: { modelOptions: { stop: [''] } }, says: /modelOptions\.stop .* 1 to 4 texts, none of them empty/ },
  { options: { modelOptions: { stop: 'END' } }, says: /modelOptions\.stop .* a list .* but "END" was/ },
  { options: { modelOptions: { presencePenalty: -3 } }, says: /modelOptions\.presencePenalty .* from -2 to 2/ },
  { options: { memory: { recallLimit: -1 } }, says: /memory\.recallLimit .* from 0, but -1/ },
  { options: { approvals: { t: {} } }, says: /approvals\["t"\] of agent "a" must be for a tool of the agent \(none\)/ },
  { options: { approvals: { '*': { approval: 'maybe' } } }, says: /approvals\["\*"\]\.approval .* but "maybe"/ },
  { options: { approvals: { '*': { timeout: 5 } } }, says: /approvals\["\*"\]\.timeout .* must be left out/ },
  { options: { memory: { extractor: 'oracle' } }, says: /memory\.extractor .*"model" or "rules", but "oracle"/ },
  { options: { memory: { extract: 'no' } }, says: /memory\.extract .* true, false, "manual" or .* but "no"/ },
  {
    options: { blocks: [{ label: 'x', description: '', value: 'long', limit: 3 }] },
    says: /blocks\[0\]\.value .* 0 to 3 characters/,
  },
  {
    options: {
      blocks: [
        { label: 'x', description: '', value: '' },
        { label: 'x', description: '', value: '' },
      ],
    },
    says: /blocks\[1\]\.label/,
  },
  {
    options: { tools: [{ name: 'raw' }] },
    says: /tools\[0\] of agent "a" must be what defineTool, mcpTools or agentTool gives, but an object/,
  },
  { options: { tools: [tool('t'), tool('u'), tool('t')] }, says: /tools\[2\] .* another name .* but "t" was given/ },
];

test.each(wrongAgents)('an agent is refused: $says', ({ options, says }) => {
  const given = options === undefined ? options : { name: 'a', instructions: '', ...(options as object) };
  if ((options as { instructions?: unknown } | undefined)?.instructions === '')
    delete (given as { name?: string }).name;
  const refused = (): unknown => defineAgent(given as AgentOptions);
  expect(refused).toThrow(says);
  expect(refused).toThrow(InvalidDefinitionError);
  expect(refused).toThrow(
    expect.objectContaining({ code: 'AGENT_INVALID', hint: expect.stringMatching(/Correct/) as string }),
  );
});

describe('tools that cannot work', () => {
  test.each(['', 'a b', 'größe', 'a.b', 'x'.repeat(65), 'a\n', 5])('the name %j is refused', (name) => {
    expect(() => tool(name as string)).toThrow(/1 to 64 letters/);
  });

  test.each(['a', 'A_b-9', 'x'.repeat(64)])('the name %j is taken', (name) => {
    expect(tool(name).name).toBe(name);
  });

  test.each<{ readonly more: object; readonly says: RegExp }>([
    { more: { description: '' }, says: /description of tool "t" must be text of 1/ },
    { more: { timeout: 5 }, says: /timeout of tool "t" must be left out \(known are .*timeoutMs/ },
    { more: { timeoutMs: 0 }, says: /timeoutMs of tool "t" must be a whole number from 1, but 0/ },
    { more: { approval: true }, says: /approval of tool "t" must be "never", "always" or a function/ },
    { more: { repeatable: 'yes' }, says: /repeatable of tool "t" must be true or false/ },
    { more: { execute: 'rm -rf' }, says: /execute of tool "t" must be a function, but "rm -rf"/ },
    { more: { maxResultLength: 1 }, says: /maxResultLength/ },
    { more: { scrub: { classes: ['mail'] } }, says: /scrub of tool "t" must be a policy \(there is no class "mail"/ },
    { more: { input: { type: 'object' } }, says: /input of tool "t" must be a Standard Schema .* but an object/ },
    { more: { output: 5 }, says: /output of tool "t" must be a Standard Schema/ },
    { more: { input: z.string() }, says: /input of tool "t" must be a schema of an object.* but "string"/ },
    {
      more: { input: z.object({ at: z.date() }) },
      says: /input of tool "t" must be a schema that JSON Schema can say \(.*[Dd]ate/,
    },
    { more: { input: even }, says: /parameters of tool "t" must be the JSON Schema .* but nothing/ },
  ])('$says', ({ more, says }) => {
    expect(() => tool('t', more)).toThrow(says);
    expect(() => tool('t', more)).toThrow(
      expect.objectContaining({ code: 'TOOL_INVALID', hint: expect.any(String) as string }),
    );
  });
});

test('a configuration is given back as it is', () => {
  const config = { agents: [defineAgent({ name: 'a', instructions: '' })] };
  expect(defineConfig(config)).toBe(config);
});
