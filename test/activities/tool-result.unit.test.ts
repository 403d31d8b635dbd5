import { expect, test } from 'vitest';
import { z } from 'zod';
import { readToolResult, threw } from '../../activities/tool-result.ts';
import { defineTool } from '../../agents/index.ts';
import type { InputSchema } from '../../agents/index.ts';
import type { ScrubPolicy } from '../../scrub/scrub.ts';

const tool = (output?: InputSchema, maxResultLength?: number, scrub?: ScrubPolicy) =>
  defineTool({
    name: 'probe',
    description: 'Probes.',
    input: z.object({}),
    execute: () => null,
    ...(output === undefined ? {} : { output }),
    ...(maxResultLength === undefined ? {} : { maxResultLength }),
    ...(scrub === undefined ? {} : { scrub }),
  });

const circle: { self?: unknown } = {};
circle.self = { deeper: circle };
let deep: unknown = 0;
for (let level = 0; level < 20_000; level++) deep = [deep];

test.each<{ readonly value: unknown; readonly result: string }>([
  { value: 'plain', result: 'plain' },
  { value: '', result: '' },
  { value: undefined, result: 'done' },
  { value: null, result: 'null' },
  { value: { a: [1, { b: true }], left: undefined }, result: '{"a":[1,{"b":true}]}' },
  { value: new Date(0), result: '"1970-01-01T00:00:00.000Z"' },
  { value: { toJSON: () => 'by itself' }, result: '"by itself"' },
])('$result is a result', async ({ value, result }) => {
  expect(await readToolResult(tool(), value)).toEqual({ outcome: 'ok', code: null, result });
});

test.each<{ readonly name: string; readonly value: unknown; readonly says: RegExp }>([
  { name: 'a circle', value: circle, says: /it holds itself/ },
  { name: 'a BigInt', value: { total: 10n }, says: /"total" is a BigInt/ },
  { name: 'a function', value: () => 1, says: /it is a function/ },
  { name: 'a function inside', value: { rows: [{ run: () => 1 }] }, says: /"run" is a function/ },
  { name: 'a symbol', value: Symbol('s'), says: /it is a symbol/ },
  { name: 'a Map', value: { byId: new Map() }, says: /"byId" is a Map/ },
  { name: 'a Set', value: new Set([1]), says: /it is a Set/ },
  {
    name: 'a throwing toJSON',
    value: {
      toJSON: () => {
        throw new Error('no luck');
      },
    },
    says: /no luck/,
  },
  { name: 'endless depth', value: deep, says: /too large or too deep/ },
])('$name is no result, and the model is told that the tool ran', async ({ value, says }) => {
  const end = await readToolResult(tool(), value);
  expect(end).toMatchObject({ outcome: 'failed', code: 'RESULT_NOT_SERIALISABLE' });
  expect(end.result).toMatch(/^"probe" ran, but/);
  expect(end.result).toMatch(says);
});

test('a result that does not fit the output schema names each problem', async () => {
  const output = z.object({ id: z.string(), rows: z.array(z.object({ n: z.number() })) });
  const end = await readToolResult(tool(output), { id: 5, rows: [{ n: 1 }, { n: 'two' }] });
  expect(end).toMatchObject({ outcome: 'failed', code: 'RESULT_INVALID' });
  expect(end.result).toMatch(/ran, but .*id: .*string.*rows\.1\.n: .*number/);
});

test('a result that fits is what the schema makes of it', async () => {
  const output = z.object({ id: z.string(), at: z.string().default('now') });
  expect(await readToolResult(tool(output), { id: 'x', secret: 'dropped' })).toMatchObject({
    outcome: 'ok',
    result: '{"id":"x","at":"now"}',
  });
});

test('a result past the limit is cut, says so, and never tears a character apart', async () => {
  const end = await readToolResult(tool(undefined, 101), `${'x'.repeat(100)}👍${'y'.repeat(900)}`);
  expect(end).toMatchObject({ outcome: 'ok', code: 'RESULT_CUT' });
  expect(end.result.isWellFormed()).toBe(true);
  expect(end.result).toMatch(/\[cut: 1002 characters in all, 101 kept\]$/);
});

test.each<{ readonly thrown: unknown; readonly code: string; readonly says: RegExp }>([
  { thrown: new Error('on fire'), code: 'TOOL_THREW', says: /"probe" failed: on fire/ },
  { thrown: 'just text', code: 'TOOL_THREW', says: /just text/ },
  { thrown: undefined, code: 'TOOL_THREW', says: /undefined/ },
  { thrown: Object.create(null), code: 'TOOL_THREW', says: /no text/ },
  { thrown: Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }), code: 'ECONNREFUSED', says: /gone/ },
  { thrown: Object.assign(new Error('odd'), { code: 'not a code of ours' }), code: 'TOOL_THREW', says: /odd/ },
])('whatever is thrown has a code and words: $says', ({ thrown, code, says }) => {
  const end = threw(tool(), thrown);
  expect(end).toMatchObject({ outcome: 'failed', code });
  expect(end.result).toMatch(says);
});

test('what a policy scrubs is gone from results, also where they are cut, and from what is thrown', async () => {
  const mail = 'ana.lima@example.org';
  const cleaning = tool(undefined, 100, {});
  const cut = `${'x'.repeat(90)} ${mail}`;
  expect(await readToolResult(cleaning, { mail })).toMatchObject({ outcome: 'ok', result: '{"mail":"[email]"}' });
  expect((await readToolResult(cleaning, cut)).result).toBe(`${'x'.repeat(90)} [email]`);
  expect(threw(cleaning, new Error(`no such customer: ${mail}`)).result).toBe(
    '"probe" failed: no such customer: [email]',
  );
  const wrong = tool(z.object({ n: z.literal(mail) }), undefined, {});
  expect((await readToolResult(wrong, { n: 1 })).result).not.toContain(mail);
  expect((await readToolResult(tool(), mail)).result).toBe(mail);
});
