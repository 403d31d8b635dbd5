import { expect, test } from 'vitest';
import { memoryToolSpecs, parseRemember, rememberResult, rememberTool } from '../../activities/memory-tools.ts';

const source = { thread: 't', branch: 'main', turn: 'u', quote: 'words' };
const validFrom = '2026-01-02T03:04:05.000Z';
const memory = { subject: 'user', relation: 'lives_in', value: 'Lisbon', text: 'The user lives in Lisbon.' };
const parse = (value: unknown) => parseRemember(JSON.stringify(value), source, validFrom);

test('each memory becomes a proposal to assert, with its source and time', async () => {
  expect(await parse({ memories: [memory, { ...memory, kind: 'preference' }] })).toEqual([
    { ...memory, kind: 'fact', action: 'assert', target: null, confidence: 0.9, validFrom, source },
    { ...memory, kind: 'preference', action: 'assert', target: null, confidence: 0.9, validFrom, source },
  ]);
});

test.each([
  { why: 'no memories', value: { memories: [] } },
  { why: 'too many', value: { memories: Array(51).fill(memory) } },
  { why: 'another kind', value: { memories: [{ ...memory, kind: 'dream' }] } },
  { why: 'an empty text', value: { memories: [{ ...memory, text: '' }] } },
  { why: 'a text that is too long', value: { memories: [{ ...memory, text: 'x'.repeat(8_001) }] } },
  { why: 'one bad among good', value: { memories: [memory, { ...memory, subject: 5 }] } },
])('$why: refused as a whole', async ({ value }) => {
  await expect(parse(value)).rejects.toMatchObject({ code: 'INVALID_ARGUMENTS' });
});

test('text that is not JSON is a syntax error', async () => {
  await expect(parseRemember('{"memories": [', source, validFrom)).rejects.toThrow(SyntaxError);
});

test('the model is told each outcome with its reason, and no ids', () => {
  const outcomes = [
    { outcome: 'stored', id: 'm-1', text: 'A.', reason: 'new' },
    { outcome: 'rejected', id: null, text: 'B.', reason: 'empty' },
  ] as const;
  expect(JSON.parse(rememberResult(outcomes))).toEqual({
    memories: [
      { outcome: 'stored', text: 'A.', reason: 'new' },
      { outcome: 'rejected', text: 'B.', reason: 'empty' },
    ],
  });
});

test('the tool is offered with a schema the model can follow', () => {
  const [spec] = memoryToolSpecs;
  expect(spec?.name).toBe(rememberTool);
  expect(spec?.parameters).toMatchObject({ type: 'object', required: ['memories'] });
});
