import { expect, test } from 'vitest';
import { z } from 'zod';
import { InvalidArgumentsError } from '../../agents/index.ts';
import type { InputSchema } from '../../agents/index.ts';
import { argumentsSchema, validateArguments } from '../../agents/schema.ts';

const refund = z.object({
  order: z.string().regex(/^[A-Z]-\d+$/, 'an order number looks like A-1001'),
  amount: z.number().positive().max(100),
  lines: z.array(z.object({ sku: z.string() })).default([]),
});

test('arguments that fit come back with their defaults', async () => {
  const value = await validateArguments('refund', refund, { order: 'A-1', amount: 5 });
  expect(value).toEqual({ order: 'A-1', amount: 5, lines: [] });
});

test('every problem is named with its path, and the tool with them', async () => {
  const given = { order: 'one', amount: -1, lines: [{ sku: 'a' }, { sku: 2 }] };
  const refused = validateArguments('refund', refund, given);
  await expect(refused).rejects.toThrow(InvalidArgumentsError);
  await expect(refused).rejects.toMatchObject({
    code: 'INVALID_ARGUMENTS',
    message: expect.stringMatching(
      /"refund".*order: an order number looks like A-1001; amount: .*>0.*; lines\.1\.sku: .*string/,
    ) as string,
    hint: expect.stringMatching(/send the arguments again/) as string,
  });
});

test.each([null, undefined, 'text', 5, []])('%j instead of an object is refused', async (given) => {
  await expect(validateArguments('refund', refund, given)).rejects.toThrow(/expected object/);
});

test('a schema of another vendor works by the same two functions', async () => {
  const even: InputSchema<number> = {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: async (value) => {
        await Promise.resolve();
        return typeof value === 'number' && value % 2 === 0
          ? { value }
          : { issues: [{ message: 'must be even', path: [{ key: 'a' }, 0] }] };
      },
      jsonSchema: { input: () => ({ $schema: 'x', type: 'number', multipleOf: 2 }) },
    },
  };
  expect(await validateArguments('half', even, 4)).toBe(4);
  await expect(validateArguments('half', even, 3)).rejects.toThrow(/a\.0: must be even/);
  expect(argumentsSchema(even)).toEqual({ type: 'number', multipleOf: 2 });
});

test('the schema for the model asks for what the model must write', () => {
  const schema = argumentsSchema(refund);
  expect(schema).not.toHaveProperty('$schema');
  // What has a default need not be given.
  expect(schema).toMatchObject({ type: 'object', required: ['order', 'amount'] });
});
