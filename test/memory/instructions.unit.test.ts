import { describe, expect, test } from 'vitest';
import type { MemoryEvent } from '../../memory/events.ts';
import { feedbackActor, instruct } from '../../memory/instructions.ts';
import type { KnownFact, KnownProcedure, MemoryProposal } from '../../memory/reconcile.ts';
import { procedureHash } from '../../memory/reconcile.ts';
import { decide, hash, known, proposal } from './given.ts';

const wish = (value: string, change: Partial<MemoryProposal> = {}): MemoryProposal =>
  proposal({
    kind: 'feedback',
    relation: 'reply_style',
    value,
    text: `User asks: ${value}.`,
    isStated: true,
    ...change,
  });
const given = (value: string, change: Partial<KnownFact> = {}): KnownFact =>
  known('f1', { kind: 'feedback', relation: 'reply_style', value, text: `User asks: ${value}.`, ...change });
const instruction = (goal: string, text: string, change: Partial<KnownProcedure> = {}): KnownProcedure => ({
  ...{ procedure: 'p1', version: 1, latest: 1, goal, text, contentHash: procedureHash({ goal, text }, hash) },
  ...change,
});

/** Given what is known, when proposals are reconciled, then instructions follow. */
function follow(
  { facts = [], procedures = [] }: { facts?: readonly KnownFact[]; procedures?: readonly KnownProcedure[] },
  proposals: readonly MemoryProposal[],
  mayLearn = true,
): MemoryEvent[] {
  const { events } = decide({ facts, procedures }, ...proposals);
  const newId = (ordinal: number): string => `i${ordinal}`;
  return instruct({ scope: { user: 'ana' }, events, proposals, facts, procedures, hash, newId, mayLearn });
}

const short = 'always answer in short';

describe('feedback becomes an instruction', () => {
  test.each([
    short,
    'never call me before noon',
    'from now on use metric units',
    'antworte immer kurz',
    'réponds toujours en français',
    'responde siempre en español',
    'a partir de agora responda em português',
  ])('when it is meant to stand: %s', (value) => {
    expect(follow({}, [wish(value)])).toMatchObject([
      {
        type: 'ProcedureLearned',
        data: {
          procedure: 'i0',
          version: 1,
          goal: value,
          text: `User asks: ${value}.`,
          trust: 'direct_user',
          source: { turn: 't1' },
        },
      },
    ]);
  });

  test('when it is said in a second turn', () => {
    const facts = [given('keep it short')];
    expect(follow({}, [wish('keep it short')])).toEqual([]);
    expect(follow({ facts }, [wish('keep it short')])).toMatchObject([
      { type: 'ProcedureLearned', data: { goal: 'keep it short', source: { turn: 't1' } } },
    ]);
  });

  test('beside another one of the same value: neither takes the place of the other', () => {
    const mails = instruction('short', 'Always keep mails short.');
    const facts = [given('short', { text: 'Always keep mails short.', relation: 'mail_style' })];
    const answers = wish('short', { text: 'Always keep answers short.' });
    expect(follow({ facts, procedures: [mails] }, [answers])).toMatchObject([
      { type: 'ProcedureLearned', data: { procedure: 'i0', version: 1, goal: 'Always keep answers short.' } },
    ]);
  });

  test('beside a how-to of the same write: each has a number of its own', () => {
    const howTo = proposal({ kind: 'procedure', value: short, text: 'Write three sentences at most.' });
    const { events } = decide({}, howTo, wish(short));
    const made = [...events, ...follow({}, [howTo, wish(short)])].flatMap((event) =>
      event.type === 'ProcedureLearned' ? [`${event.data.procedure} ${event.data.version}`] : [],
    );
    expect(new Set(made).size).toBe(made.length);
    expect(made).toHaveLength(2);
  });

  test('once: what stands already is not learnt again', () => {
    const procedures = [instruction(short, `User asks: ${short}.`)];
    expect(follow({ facts: [given(short)], procedures }, [wish(short)])).toEqual([]);
  });

  test.each([
    ['a model says it of itself', wish(short, { isStated: false })],
    ['it may rest on something else', wish(short, { trust: 'tool_external' })],
    ['it is a preference', wish(short, { kind: 'preference' })],
    ['it complains of what was', wish('your answers are always too long', {})],
    ['it is over', wish(short, { validFrom: '2026-01-01T00:00:00.000Z', validTo: '2026-02-01T00:00:00.000Z' })],
  ])('but not when %s', (_, one) => {
    expect(follow({}, [one])).toEqual([]);
  });

  test('nor where how-tos may not be written, nor when a memory of lower trust is confirmed', () => {
    expect(follow({}, [wish(short)], false)).toEqual([]);
    const facts = [given('keep it short', { trust: 'model_inference' })];
    expect(follow({ facts }, [wish('keep it short', { trust: 'model_inference' })])).toEqual([]);
  });
});

describe('feedback that ends', () => {
  const facts = [given(short)];
  const procedures = [instruction(short, `User asks: ${short}.`)];

  test('takes its instruction with it', () => {
    const events = follow({ facts, procedures }, [wish(short, { action: 'retract', target: 'f1' })], false);
    expect(events).toMatchObject([
      { type: 'ProcedureRolledBack', data: { procedure: 'p1', from: 1, restored: null, actor: feedbackActor } },
    ]);
  });

  test('and is replaced makes the next version of the same how-to', () => {
    const events = follow({ facts, procedures }, [wish('answer at length', { action: 'supersede', target: 'f1' })]);
    expect(events).toMatchObject([
      {
        type: 'ProcedureLearned',
        data: { procedure: 'p1', version: 2, goal: short, text: 'User asks: answer at length.' },
      },
    ]);
  });

  test('given again it stands again, unless a person took it back', () => {
    const contentHash = procedureHash({ goal: short, text: `User asks: ${short}.` }, hash);
    const gone = (actor: string): KnownProcedure[] => [
      instruction(short, `User asks: ${short}.`, { version: 0, rolledBack: [{ version: 1, contentHash, actor }] }),
    ];
    expect(follow({ procedures: gone(feedbackActor) }, [wish(short)])).toMatchObject([
      { type: 'ProcedureRolledBack', data: { procedure: 'p1', from: 0, restored: { version: 1, goal: short } } },
    ]);
    expect(follow({ procedures: gone('user:ops') }, [wish(short)])).toEqual([]);
  });
});
