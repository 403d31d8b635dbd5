import { expect, test } from 'vitest';
import { changeBlock } from '../../memory/block-edit.ts';

const block = { label: 'tone', value: 'Formal. Brief. Formal?', limit: 30, readOnly: false };

test.each([
  ['append puts a line at the end', block, { append: 'Kind.' }, { value: 'Formal. Brief. Formal?\nKind.' }],
  ['append fills an empty block', { ...block, value: '' }, { append: 'Kind.' }, { value: 'Kind.' }],
  [
    'replace takes the text literally',
    { ...block, value: 'a $& b' },
    { replace: { old: '$&', new: "$1 $' x" } },
    { value: "a $1 $' x b" },
  ],
  ['replace with nothing takes it out', block, { replace: { old: ' Brief.', new: '' } }, { value: 'Formal. Formal?' }],
  [
    'replacing nothing fills an empty block',
    { ...block, value: '' },
    { replace: { old: '', new: 'x' } },
    { value: 'x' },
  ],
])('%s', (_name, given, change, expected) => {
  expect(changeBlock(given, change)).toEqual(expected);
});

test.each([
  ['read-only', { ...block, readOnly: true }, { append: 'x' }, 'BLOCK_READ_ONLY'],
  ['longer than the limit', block, { append: 'x'.repeat(9) }, 'BLOCK_TOO_LONG'],
  ['not there', block, { replace: { old: 'formal.', new: 'x' } }, 'BLOCK_TEXT_NOT_FOUND'],
  ['nothing in a full block', block, { replace: { old: '', new: 'x' } }, 'BLOCK_TEXT_NOT_FOUND'],
  ['there twice', block, { replace: { old: 'Formal', new: 'x' } }, 'BLOCK_TEXT_AMBIGUOUS'],
])('%s: refused, with what to do', (_name, given, change, refused) => {
  expect(changeBlock(given, change)).toMatchObject({ refused, reason: expect.stringContaining('"tone"') as string });
});

test('a value of exactly the limit fits', () => {
  expect(changeBlock({ ...block, value: '' }, { append: 'x'.repeat(30) })).toEqual({ value: 'x'.repeat(30) });
});
