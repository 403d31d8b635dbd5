import fc from 'fast-check';
import { expect, test } from 'vitest';
import { argumentsHash } from '../../activities/hash.ts';
import { sha256 } from '../../projections/digest.ts';

test('the order of keys does not matter, at any depth', () => {
  const one = { order: 'A-1', lines: [{ sku: 'x', n: 1 }], note: { a: 1, b: { c: 2, d: 3 } } };
  const other = { note: { b: { d: 3, c: 2 }, a: 1 }, lines: [{ n: 1, sku: 'x' }], order: 'A-1' };
  expect(argumentsHash(one)).toBe(argumentsHash(other));
});

test('everything else does', () => {
  const hashes = [{}, [], null, 0, '', { a: 1 }, { a: '1' }, { a: [1, 2] }, { a: [2, 1] }, { b: 1 }].map(argumentsHash);
  expect(new Set(hashes).size).toBe(hashes.length);
});

test('arguments that travelled through JSON hash as before', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(argumentsHash(JSON.parse(JSON.stringify(value)))).toBe(argumentsHash(value));
    }),
  );
});

test('what JSON does not know still has a hash', () => {
  expect(argumentsHash(undefined)).toBe(argumentsHash(null));
});

test('sha256 is the usual one', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
