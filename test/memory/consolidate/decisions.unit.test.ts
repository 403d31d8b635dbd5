import { describe, expect, test } from 'vitest';
import { decideObservations } from '../../../memory/consolidate/observe.ts';
import { extractSummary, refuseSummary } from '../../../memory/consolidate/summarise.ts';
import type { RetiredFact } from '../../../memory/consolidate/undo.ts';
import { decideUndo } from '../../../memory/consolidate/undo.ts';
import { cared } from './given.ts';

const hash = (text: string): string => `#${text}`;
const facts = [
  cared('a', 'The user runs 10 km on Mondays.', { value: '10 km' }),
  cared('b', 'The user bought running shoes.', { value: 'shoes', trust: 'direct_user' }),
  cared('c', 'A shop page says the user likes shoes.', { value: 'page', trust: 'tool_external' }),
  cared('d', 'The user does not drink wine.', { value: 'wine' }),
];

function observe(text: string, evidence: readonly string[], known: readonly string[] = []) {
  return decideObservations([{ text, evidence }], { facts, known: new Set(known), hash });
}

describe('an observation', () => {
  test('is written with its evidence and sources, trusted as the least of them, never as the user', () => {
    expect(observe('The user is a runner.', ['b', 'a'])).toMatchObject([
      { evidence: ['a', 'b'], trust: 'model_inference', sources: [{ turn: 'turn of a' }, { turn: 'turn of b' }] },
    ]);
    expect(observe('The user runs in shoes.', ['a', 'c'])).toMatchObject([{ trust: 'tool_external' }]);
  });

  test.each([
    ['rests on one fact', 'The user is a runner.', ['a', 'a']],
    ['rests on none', 'The user is a runner.', []],
    ['rests on a fact that there is not', 'The user is a runner.', ['a', 'b', '']],
    ['says nothing', ' ', ['a', 'b']],
    ['says a number that nobody said', 'The user runs 42 km.', ['a', 'b']],
    ['names what nobody named', 'The user runs the Berlin marathon.', ['a', 'b']],
    ['turns its facts round', 'The user never runs.', ['a', 'b']],
    ['repeats a fact', 'the user bought RUNNING shoes', ['a', 'b']],
  ])('that %s is not', (_what, text, evidence) => {
    expect(observe(text, evidence)).toEqual([]);
  });

  test('may keep a negation of its facts, and is not made twice', () => {
    expect(observe('The user does not drink.', ['a', 'd'])).toHaveLength(1);
    expect(observe('The user is a runner.', ['a', 'b'], ['#observation|the user is a runner'])).toEqual([]);
  });

  test('of many five are taken', () => {
    const proposals = Array.from({ length: 9 }, (_, n) => ({
      text: `The user runs ${'very '.repeat(n)}well.`,
      evidence: ['a', 'b'],
    }));
    expect(decideObservations(proposals, { facts, known: new Set(), hash })).toHaveLength(5);
  });
});

describe('a summary', () => {
  const lines = [
    { speaker: 'user', text: 'Please refund order A-1001. The parcel was broken.' },
    { speaker: 'agent', text: 'I have refunded order A-1001, 49 euros. Anything else?' },
    { speaker: 'user', text: 'No, thanks. The parcel came by post.' },
  ];

  test('without a model is made of the session’s own sentences, in order, and is the same every time', () => {
    const digest = extractSummary(lines);
    expect(digest.title).toBe('Please refund order A-1001');
    const sentences = digest.summary.split('\n');
    for (const sentence of sentences) {
      const [speaker = '', text = ''] = sentence.split(': ');
      expect(lines.some((line) => line.speaker === speaker && line.text.includes(text))).toBe(true);
    }
    expect(digest.summary).toContain('refunded order A-1001, 49 euros');
    expect(digest.summary.length).toBeLessThanOrEqual(1_200);
    expect(extractSummary(lines)).toEqual(digest);
    expect(refuseSummary(digest, lines)).toBeNull();
  });

  test('of a session without a sentence that says anything still says what was said', () => {
    expect(
      extractSummary([
        { speaker: 'user', text: 'ok' },
        { speaker: 'agent', text: '' },
      ]).summary,
    ).not.toBe('');
  });

  test.each([
    ['is empty', { title: '', summary: 'x' }],
    ['is too long', { title: 'A refund', summary: 'word '.repeat(600) }],
    ['names a number that nobody said', { title: 'A refund', summary: 'The user got 99 euros.' }],
    ['names a person that nobody named', { title: 'A refund', summary: 'Order A-1001 was refunded to Carla.' }],
  ])('of a model that %s is refused', (_what, digest) => {
    expect(refuseSummary(digest, lines)).not.toBeNull();
  });
});

describe('an undo', () => {
  const was: NonNullable<RetiredFact['was']> = {
    ...{ fact: 'b', scope: { user: 'ana' }, kind: 'fact', subject: 'user', relation: 'likes', value: 'tea', text: 'x' },
    ...{ contentHash: '#b', confidence: 1, trust: 'direct_user', validFrom: '2026-01-01', replaces: null },
    ...{ disputedWith: null, expiresAt: null, thread: 't', turn: 'u' },
  };
  const retired: RetiredFact = { was, fact: 'b', into: 'a', lent: ['u'], touched: false };
  const a = { fact: 'a', subject: 'user', relation: 'likes', contentHash: '#a' };

  test('restores what nobody has touched, and takes its sources back', () => {
    expect(decideUndo([retired], [a])).toEqual({ restored: [{ ...was, from: { into: 'a', turns: ['u'] } }], left: [] });
  });

  test.each([
    ['has changed', { ...retired, touched: true }, [a]],
    ['was forgotten', { ...retired, was: null }, [a]],
    ['was merged into a fact that has ended', retired, []],
    ['was learnt again', retired, [a, { ...a, fact: 'c', contentHash: '#b' }]],
    [
      'has a successor',
      { ...retired, into: null, was: { ...was, relation: 'lives_in' } },
      [{ ...a, fact: 'c', relation: 'home_city', contentHash: '#c' }],
    ],
  ])('leaves what %s and says why', (_what, one, standing) => {
    const { restored, left } = decideUndo([one], standing);
    expect(restored).toEqual([]);
    expect(left).toMatchObject([{ id: 'b' }]);
    expect(left[0]?.why).not.toBe('');
  });
});
