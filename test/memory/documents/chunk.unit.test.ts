import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunk, chunkContent, sectionOf } from '../../../memory/documents/chunk.ts';
import { planDocument } from '../../../memory/documents/plan.ts';
import { estimateTokens } from '../../../memory/text.ts';

const words = fc.constantFrom(
  ...[
    'a',
    'rent',
    'is',
    'due.',
    'Löwe',
    '家賃',
    '👍',
    '👨‍👩‍👧',
    'supercalifragilistic',
    'e\u0301te\u0301',
    '…',
    '1,200',
    'no?"',
  ],
);
const gaps = fc.constantFrom(
  ' ',
  ' ',
  ' ',
  '\n',
  '\n\n',
  '\r\n',
  '\t',
  '\n# Head\n',
  '\n## Sub head ##\n',
  '\n```\n',
  ' \u00a0',
);
const texts = fc.array(fc.tuple(words, gaps), { maxLength: 300 }).map((parts) => parts.flat().join(''));
const anything = fc.oneof(texts, fc.string({ unit: 'binary', maxLength: 2_000 }));

describe('chunks', () => {
  test('are exact parts of the text, in order, bounded, and hold everything but white space', () => {
    fc.assert(
      fc.property(
        anything,
        fc.integer({ min: 16, max: 60 }),
        fc.integer({ min: 0, max: 7 }),
        (text, maxTokens, overlapTokens) => {
          const chunks = chunk(text, { maxTokens, overlapTokens });
          let [covered, start] = [0, -1];
          for (const one of chunks) {
            expect(one.text).toBe(text.slice(one.start, one.end));
            expect(estimateTokens(one.text)).toBeLessThanOrEqual(maxTokens);
            expect(one.start).toBeGreaterThan(start);
            expect(one.end).toBeGreaterThan(covered);
            expect(text.slice(covered, Math.max(covered, one.start)).trim()).toBe('');
            [covered, start] = [one.end, one.start];
          }
          expect(text.slice(covered).trim()).toBe('');
          expect(chunk(text, { maxTokens, overlapTokens })).toEqual(chunks);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('cut no word that fits, and no character', () => {
    fc.assert(
      fc.property(texts, (text) => {
        for (const { start, end } of chunk(text, { maxTokens: 40, overlapTokens: 8 })) {
          for (const at of [start, end]) {
            const [before = '', after = ''] = [text[at - 1], text[at]];
            expect(/[\ud800-\udbff]$/.test(before) && /^[\udc00-\udfff]/.test(after)).toBe(false);
            // All of these words are shorter than a chunk; Han is written without spaces.
            expect(/[\p{L}\p{N}]$/u.test(before) && /^[\p{L}\p{N}\p{M}]/u.test(after) && !/[家賃]/.test(before)).toBe(
              false,
            );
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('stand under their headings, and never across one', () => {
    const text =
      '# Lease\n\n## Rent\nDue on the first.\n\n## Repairs\n```\n# no heading\n```\nThe owner repairs.\n# End\nBye.';
    expect(chunk(text).map((one) => [sectionOf(one), one.text])).toEqual([
      ['Lease › Rent', '# Lease\n\n## Rent\nDue on the first.'],
      ['Lease › Repairs', '## Repairs\n```\n# no heading\n```\nThe owner repairs.'],
      ['End', '# End\nBye.'],
    ]);
    expect(chunk(text, { headings: false })).toMatchObject([{ start: 0, end: text.length, headings: [] }]);
  });

  test('end with a paragraph rather than a sentence, with a sentence rather than a word, and repeat a little', () => {
    const sentence = (n: number): string => `Sentence number ${n} goes on for a while here.`;
    const long = Array.from({ length: 12 }, (_, n) => sentence(n)).join(' ');
    const chunks = chunk(long, { maxTokens: 50, overlapTokens: 14 });
    expect(chunks.length).toBeGreaterThan(2);
    for (const { text } of chunks) expect(text).toMatch(/^Sentence .*here\.$/);
    for (const [n, one] of chunks.entries()) if (n > 0) expect(one.start).toBeLessThan(chunks[n - 1]?.end ?? 0);
    const paragraphs = `${sentence(1)} ${sentence(2)}\n\n${sentence(3)} ${sentence(4)}`;
    expect(chunk(paragraphs, { maxTokens: 35, overlapTokens: 0 })[0]?.text).toBe(`${sentence(1)} ${sentence(2)}`);
  });

  test('are searched with the headings that they do not hold', () => {
    expect(chunkContent({ text: 'Due on the first.', section: 'Lease › Rent' })).toBe(
      'Lease › Rent\nDue on the first.',
    );
    expect(chunkContent({ text: '## Rent\nDue.', section: 'Lease › Rent' })).toBe('Lease\n## Rent\nDue.');
    expect(chunkContent({ text: 'Due.', section: '' })).toBe('Due.');
  });

  test('of sizes that make no sense are refused', () => {
    expect(() => chunk('x', { maxTokens: 4 })).toThrow(/16 tokens/);
    expect(() => chunk('x', { maxTokens: 20, overlapTokens: 10 })).toThrow(/less than half/);
  });
});

describe('a new version', () => {
  const content = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
  const placed = (list: readonly string[]) =>
    list.map((contentHash, ordinal) => ({
      contentHash,
      ordinal,
      start: ordinal * 10,
      end: ordinal * 10 + 5,
      section: '',
    }));

  test('leaves exactly what is wanted, and touches nothing that is as it was', () => {
    fc.assert(
      fc.property(content, content, (before, after) => {
        const standing = placed(before).map((one) => ({ ...one, chunk: `c${one.ordinal}` }));
        const { added, moved, ended, kept } = planDocument(standing, placed(after));
        const then = new Map(standing.map((one) => [one.chunk, one]));
        for (const id of ended) expect(then.delete(id)).toBe(true);
        for (const { chunk: id, ...place } of moved) {
          const was = then.get(id);
          expect(was && was.ordinal !== place.ordinal).toBe(true);
          if (was) then.set(id, { ...was, ...place });
        }
        for (const one of added) then.set(`new ${one.ordinal}`, { ...one, chunk: `new ${one.ordinal}` });
        const stands = [...then.values()].sort((a, b) => a.ordinal - b.ordinal).map(({ contentHash }) => contentHash);
        expect(stands).toEqual(after);
        expect(kept + added.length).toBe(after.length);
        expect(planDocument(standing, placed(before))).toEqual({
          added: [],
          moved: [],
          ended: [],
          kept: before.length,
        });
      }),
    );
  });
});
