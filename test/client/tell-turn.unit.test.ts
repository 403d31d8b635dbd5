import { expect, test } from 'vitest';
import { InvalidOffsetError } from '../../client/index.ts';
import type { TurnStreamItem } from '../../client/index.ts';
import { createTeller } from '../../client/tell-turn.ts';
import type { ProgressRow } from '../../projections/streaming/queries.ts';

const row = (more: Partial<ProgressRow> & Pick<ProgressRow, 'kind' | 'position'>): ProgressRow => ({
  step: 1,
  ordinal: 0,
  tool: null,
  approval: null,
  content: null,
  outcome: null,
  calls: null,
  ...more,
});
const brief = (items: Iterable<TurnStreamItem>): string[] =>
  [...items].map((item) => {
    if (item.type === 'text') return `${item.step}:${item.text}`;
    if (item.type === 'reset') return `${item.step}:reset`;
    if (item.type === 'tool') return `${item.tool} ${item.state}${item.outcome === null ? '' : ` ${item.outcome}`}`;
    if (item.type === 'approval')
      return `${item.approval} ${item.state}${item.decision === null ? '' : ` ${item.decision}`}`;
    return item.type;
  });

/** A turn of two steps: words, a tool that runs, one that is asked about, words. */
const log = [
  row({ kind: 'step', position: 5, content: 'Let me look.', calls: ['look', 'pay'] }),
  row({ kind: 'approval', position: 6, ordinal: 1, tool: 'pay', approval: 't.1.1' }),
  row({ kind: 'tool', position: 7, tool: 'look', outcome: 'ok' }),
  row({ kind: 'decision', position: 8, ordinal: 1, tool: 'pay', approval: 't.1.1', outcome: 'approve' }),
  row({ kind: 'tool', position: 9, ordinal: 1, tool: 'pay', outcome: 'failed' }),
  row({ kind: 'step', position: 10, step: 2, content: 'Paid.', calls: [] }),
];
const all = [
  ...['1:Let me look.', 'look started', 't.1.1 waiting', 'look ended ok'],
  ...['t.1.1 decided approve', 'pay started', 'pay ended failed', '2:Paid.'],
];

test('a log is told in order: a tool starts with its step, or when it is approved', () => {
  expect(brief(createTeller().progress(log))).toEqual(all);
});

test('words grow, and those in the log take their place without a word twice', () => {
  const teller = createTeller();
  expect(brief(teller.words({ attempt: 'a', text: 'Let' }))).toEqual(['1:Let']);
  expect(brief(teller.words({ attempt: 'a', text: 'Let' }))).toEqual([]);
  expect(brief(teller.words({ attempt: 'a', text: 'Let me' }))).toEqual(['1: me']);
  expect(brief(teller.progress(log.slice(0, 1)))).toEqual(['1: look.', 'look started', 'pay started']);
  expect(brief(teller.words({ attempt: 'b', text: 'P' }))).toEqual(['2:P']);
});

test('another call of the model resets, also when it begins with the same words', () => {
  const teller = createTeller();
  expect(brief(teller.words({ attempt: 'a', text: 'Let' }))).toEqual(['1:Let']);
  expect(brief(teller.words({ attempt: 'b', text: 'Let me' }))).toEqual(['1:reset', '1:Let me']);
  expect(brief(teller.progress([row({ kind: 'step', position: 5, content: 'No.' })]))).toEqual(['1:reset', '1:No.']);
});

test('a call that wrote nothing yet resets nothing', () => {
  const teller = createTeller();
  expect(brief(teller.words({ attempt: 'a', text: '' }))).toEqual([]);
  expect(brief(teller.words({ attempt: 'b', text: 'Hi' }))).toEqual(['1:Hi']);
});

test('from every offset, the rest follows: nothing twice, nothing left out', () => {
  const items = [...createTeller().words({ attempt: 'a', text: 'Let me' })];
  const first = createTeller();
  items.splice(0, 1, ...first.words({ attempt: 'a', text: 'Let me' }), ...first.progress(log));
  const told = brief(items);
  for (const [at, { offset }] of items.entries()) {
    const again = createTeller(offset);
    const wanted = log.filter(({ position }) => position >= again.position);
    expect(brief(again.progress(wanted)), offset).toEqual(told.slice(at + 1));
  }
});

test('words that went on under way are waited for until they can be judged', () => {
  const [item] = createTeller().words({ attempt: 'a', text: 'Hello' });
  const goesOn = createTeller(item?.offset);
  expect(brief(goesOn.words({ attempt: 'x', text: 'Hel' }))).toEqual([]);
  expect(brief(goesOn.words({ attempt: 'x', text: 'Hello you' }))).toEqual(['1: you']);
  const differs = createTeller(item?.offset);
  expect(brief(differs.words({ attempt: 'x', text: 'Howdy you' }))).toEqual(['1:reset', '1:Howdy you']);
  const shorter = createTeller(item?.offset);
  expect(brief(shorter.progress([row({ kind: 'step', position: 5, content: 'Hi' })]))).toEqual(['1:reset', '1:Hi']);
});

test.each(['', 'x', '1.2.3', '1.2.3.4.', '-1.0.1.0.abcdefgh', '1.0.1.0.abcdefgh.5'])('%j is no offset', (offset) => {
  expect(() => createTeller(offset)).toThrow(InvalidOffsetError);
});
