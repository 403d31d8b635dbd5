import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeWindowOf } from '../../projections/search/time-window.ts';

// A Wednesday.
const now = Date.UTC(2023, 6, 19, 15);
const days = (text: string) => {
  const window = timeWindowOf(text, now);
  return window && [window.from, window.to].map((at) => new Date(at).toISOString().slice(0, 10));
};

test.each([
  ['What did Ana buy yesterday?', ['2023-07-16', '2023-07-20']],
  ['Where was Bo on 3 May 2023?', ['2023-05-01', '2023-05-05']],
  ['What happened in March 2023?', ['2023-02-27', '2023-04-02']],
  ['Who came last month?', ['2023-05-30', '2023-07-02']],
  ['What did she cook last week?', ['2023-07-07', '2023-07-18']],
  ['Which races did he run in 2022?', ['2021-12-30', '2023-01-02']],
])('%s', (text, window) => {
  expect(days(text)).toEqual(window);
});

test.each([
  'What does Ana like?',
  'May I ask for 5 of them?',
  'How many days are between 3 May 2023 and 9 June 2023, and 1 July 2023?',
  'What will she do in 2031?',
  '',
])('%j names no time when something was said', (text) => {
  expect(timeWindowOf(text, now)).toBeNull();
});

test('a window never ends before it begins, and never begins after it was asked for', () => {
  const words = fc.constantFrom(
    'last',
    'next',
    'week',
    'March',
    '2023',
    'ago',
    '3',
    'days',
    'Monday',
    'in',
    'on',
    '31',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 6 }), (list) => {
      const window = timeWindowOf(list.join(' '), now);
      if (!window) return;
      expect(window.from).toBeLessThanOrEqual(window.to);
      expect(window.from).toBeLessThanOrEqual(now);
    }),
  );
});
