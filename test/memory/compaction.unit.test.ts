import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseCut,
  extractSummary,
  finishSummary,
  isFull,
  lostDetails,
  summaryTokens,
} from '../../memory/compaction.ts';
import type { SaidBefore } from '../../memory/compaction.ts';
import { estimateTokens } from '../../memory/text.ts';

const sizes = fc.array(
  fc.record({ messages: fc.integer({ min: 2, max: 12 }), tokens: fc.integer({ min: 4, max: 900 }) }),
  {
    maxLength: 60,
  },
);
const turns = (list: readonly { messages: number; tokens: number }[]) =>
  list.map((size, index) => ({ turn: `t${index}`, ...size }));

describe('chooseCut', () => {
  test('nothing is replaced while there is room', () => {
    expect(chooseCut(turns(Array(10).fill({ messages: 2, tokens: 40 })), { budgetTokens: 500 })).toBe(0);
  });

  test('the oldest go, the newest that need two fifths of the budget stay', () => {
    const list = turns(Array(10).fill({ messages: 2, tokens: 100 }));
    expect(chooseCut(list, { budgetTokens: 1_000 })).toBe(6);
  });

  test('the newest turns stay, whatever they cost', () => {
    const list = turns([
      ...Array<object>(4).fill({ messages: 2, tokens: 100 }),
      ...Array<object>(2).fill({ messages: 2, tokens: 5_000 }),
    ] as never);
    expect(chooseCut(list, { budgetTokens: 1_000 })).toBe(4);
    expect(chooseCut(list, { budgetTokens: 1_000, leastTurns: 1 })).toBe(5);
    expect(chooseCut(list.slice(-1), { budgetTokens: 1_000 })).toBe(0);
  });

  test('many short messages are compacted before prompts lose sight of them', () => {
    const list = turns(Array(90).fill({ messages: 2, tokens: 2 }));
    expect(isFull(list, 100_000)).toBe(true);
    expect(chooseCut(list, { budgetTokens: 100_000 })).toBeGreaterThan(40);
  });

  test('whatever a conversation is made of, what is kept fits or is the least there must be', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 50, max: 4_000 }),
        fc.integer({ min: 1, max: 5 }),
        (list, budgetTokens, leastTurns) => {
          const all = turns(list);
          const cut = chooseCut(all, { budgetTokens, leastTurns });
          expect(cut).toBeLessThanOrEqual(Math.max(0, all.length - leastTurns));
          const kept = all.slice(cut).reduce((sum, { tokens }) => sum + tokens, 0);
          if (cut > 0 && all.length - cut > leastTurns) expect(kept).toBeLessThanOrEqual(budgetTokens * 0.4);
          if (!isFull(all, budgetTokens)) expect(cut).toBe(0);
        },
      ),
    );
  });
});

describe('summaries', () => {
  const said: SaidBefore[] = [
    { role: 'user', content: 'Order A-1001 of 2026-05-30 cost 80.50, write to ana@example.com' },
    { role: 'assistant', content: null },
    { role: 'tool', content: 'a long result' },
    { role: 'assistant', content: 'It was sent.' },
  ];

  test('without a model: what was said, line by line, and nothing of tools', () => {
    const summary = extractSummary({ previous: '- user: Hello', messages: said, maxTokens: 200 });
    expect(summary.split('\n')).toEqual([
      '- user: Hello',
      '- user: Order A-1001 of 2026-05-30 cost 80.50, write to ana@example.com',
      '- assistant: It was sent.',
    ]);
  });

  test('without a model it never exceeds its budget, keeps the newest and says what it left out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 400 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 40, max: 400 }),
        (texts, maxTokens) => {
          const messages = texts.map((content) => ({ role: 'user' as const, content }));
          const summary = extractSummary({ previous: null, messages, maxTokens });
          expect(estimateTokens(summary)).toBeLessThanOrEqual(maxTokens);
          const again = extractSummary({ previous: summary, messages, maxTokens });
          expect(again.split('\n').filter((line) => line.startsWith('(left out here'))).toHaveLength(
            again.startsWith('(left out here') ? 1 : 0,
          );
        },
      ),
    );
  });

  test("what a model lost of the user's numbers, dates and addresses is added while there is room", () => {
    const input = { previous: 'Flat 12', messages: said, maxTokens: 60 };
    expect(lostDetails('The order of 2026-05-30.', input)).toEqual(['12', 'A-1001', '80.50', 'ana@example.com']);
    expect(finishSummary(' The order of 2026-05-30. ', input)).toBe(
      'The order of 2026-05-30.\nAlso mentioned: 12, A-1001, 80.50, ana@example.com',
    );
    expect(estimateTokens(finishSummary('A sentence of words. '.repeat(40), input))).toBeLessThanOrEqual(60);
    expect(estimateTokens(finishSummary('ж'.repeat(4_000), input))).toBeLessThanOrEqual(60);
  });

  test('a summary takes a quarter of the budget at most', () => {
    expect(summaryTokens(1_000)).toBe(250);
    expect(summaryTokens(100_000)).toBe(1_500);
  });
});
