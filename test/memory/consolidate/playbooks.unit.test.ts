import { describe, expect, test } from 'vitest';
import { itemKey } from '../../../memory/consolidate/item-key.ts';
import { findPlaybooks } from '../../../memory/consolidate/playbooks.ts';
import type {
  KnownPlaybook,
  PlaybookChange,
  PlaybookInput,
  WorkedTurn,
} from '../../../memory/consolidate/playbooks.ts';

type Call = WorkedTurn['calls'][number];

const call = (tool: string, given: object = {}, outcome = 'ok'): Call => ({ tool, outcome, arguments: given });
const refund = (order: string): Call[] => [call('get_order', { order }), call('refund', { order, reason: 'broken' })];

/** The n-th turn. */
function turn(n: number, message: string, calls: readonly Call[], change: Partial<WorkedTurn> = {}): WorkedTurn {
  return {
    source: { thread: `thread-${n}`, branch: 'main', turn: `t${n}`, quote: message },
    ...{ message, calls, status: 'completed', code: null, trust: 'model_inference' },
    occurredAt: new Date(Date.UTC(2026, 4, n)).toISOString(),
    ...change,
  };
}

const refunds = (count: number): WorkedTurn[] =>
  Array.from({ length: count }, (_, n) =>
    turn(n + 1, `Please refund order A-100${n}, it is broken`, refund(`A-100${n}`)),
  );

function find(turns: readonly WorkedTurn[], change: Partial<PlaybookInput> = {}): PlaybookChange[] {
  return findPlaybooks({ turns, known: [], told: [], undone: new Set(), newId: (name) => `id of ${name}`, ...change });
}

/** What is known once changes are written. */
function after(changes: readonly PlaybookChange[], status: 'stands' | 'rolled_back' = 'stands'): KnownPlaybook[] {
  return changes.flatMap(({ procedure, version, sources, learnt }) =>
    learnt === null
      ? []
      : [
          {
            ...{ procedure, goal: learnt.goal },
            versions: [{ version, steps: learnt.steps, status, proofs: sources.map((one) => one.turn) }],
          },
        ],
  );
}

describe('a sequence of tools that worked', () => {
  test('gives way to what somebody told in its place, and takes no number of theirs', () => {
    const [learnt] = after(find(refunds(3)));
    if (!learnt) throw new Error('nothing was learnt');
    const [first] = learnt.versions;
    const told = (status: 'stands' | 'rolled_back'): KnownPlaybook => ({
      ...learnt,
      versions: [
        ...(first ? [{ ...first, status: 'superseded' as const }] : []),
        { version: 2, steps: null, status, proofs: [] },
      ],
    });
    const again = refunds(6).slice(2);
    expect(find(again, { known: [told('stands')] })).toEqual([]);
    expect(find(again, { known: [told('rolled_back')] })).toMatchObject([{ procedure: learnt.procedure, version: 3 }]);
  });

  test('in three turns for one kind of request is a playbook', () => {
    const [playbook, ...more] = find(refunds(3));
    expect(more).toEqual([]);
    expect(playbook).toMatchObject({ procedure: 'id of refund order broken|get_order|refund', version: 1 });
    expect(playbook?.sources.map((one) => one.turn)).toEqual(['t1', 't2', 't3']);
    expect(playbook?.learnt).toMatchObject({ goal: 'refund order broken', steps: ['get_order', 'refund'] });
    expect(playbook?.learnt?.text).toBe(
      'What has worked when asked to: refund order broken.\n' +
        '1. Call get_order (order: from the request or an earlier result).\n' +
        '2. Call refund (order: from the request or an earlier result; reason: the same each time).',
    );
    expect(playbook?.learnt?.validFrom).toBe('2026-05-03T00:00:00.000Z');
  });

  test('holds no value, no number, no address and no name', () => {
    const turns = [1, 2, 3].map((n) =>
      turn(n, `Send the weekly report to Maria, maria${n}@example.com, by https://x.example/${n}`, [
        call('make_report', { to: 'Maria', secret: 'hunter2', 'maria@example.com': n }),
        call('send_mail', { to: 'Maria', count: 42 }),
      ]),
    );
    const text = find(turns)[0]?.learnt?.text ?? '';
    expect(text).toContain('send weekly report');
    expect(text).toContain('secret, to: the same each time');
    expect(text).not.toMatch(/maria|hunter2|42|example|@/i);
  });

  test('calls of one tool in a row are one step, and those that failed before they worked are none', () => {
    const calls = (n: number): Call[] => [
      call('get_order', { order: n }, 'failed'),
      call('get_order', { order: n }),
      ...(n === 2 ? [call('get_order', { order: 'other' })] : []),
      call('refund', { order: n }),
    ];
    const turns = [1, 2, 3].map((n) => turn(n, 'Refund my broken order', calls(n)));
    expect(find(turns)[0]?.learnt?.steps).toEqual(['get_order', 'refund']);
  });

  test('is trusted no better than the least trusted turn', () => {
    const turns = refunds(3).map((one, n) => (n === 1 ? { ...one, trust: 'tool_external' as const } : one));
    expect(find(turns)[0]?.learnt?.trust).toBe('tool_external');
    expect(find(refunds(3).map((one) => ({ ...one, trust: 'direct_user' as const })))[0]?.learnt?.trust).toBe(
      'model_inference',
    );
  });
});

describe('noise is no playbook:', () => {
  const same = refunds(3);
  const cases: [string, WorkedTurn[]][] = [
    ['two turns', refunds(2)],
    ['one call', same.map((one) => ({ ...one, calls: one.calls.slice(0, 1) }))],
    [
      'one tool again and again',
      same.map((one) => ({ ...one, calls: [...refund('x').slice(0, 1), call('get_order')] })),
    ],
    ['turns that failed', same.map((one) => ({ ...one, status: 'failed', code: 'LIMIT_STEPS' }))],
    ['a tool left failing', same.map((one) => ({ ...one, calls: [...one.calls, call('mail', {}, 'failed')] }))],
    [
      'a call that a person rejected',
      same.map((one) => ({ ...one, calls: [...one.calls, call('m', {}, 'rejected')] })),
    ],
    [
      'another order each time',
      same.map((one, n) => ({ ...one, calls: n === 1 ? one.calls.toReversed() : one.calls })),
    ],
    [
      'requests that have only courtesies in common',
      [
        'Please help with the broken boiler',
        'Please help, translate this letter',
        'Please help find cheap flights',
      ].map((message, n) => turn(n + 1, message, refund('x'))),
    ],
    [
      'as many failures with the same beginning',
      [
        ...same,
        ...[4, 5, 6].map((n) => turn(n, 'Please refund order, it is broken', [call('get_order', {}, 'failed')])),
      ],
    ],
    ['requests without words', same.map((one) => ({ ...one, message: '12 34' }))],
    ['thirteen steps', same.map((one) => ({ ...one, calls: Array.from({ length: 13 }, (_, n) => call(`tool${n}`)) }))],
  ];
  test.each(cases)('%s', (_, turns) => {
    expect(find(turns)).toEqual([]);
  });

  test('failures with another beginning, or of another kind of request, count for nothing', () => {
    const others = [
      ...[4, 5, 6].map((n) => turn(n, 'Please refund order, it is broken', [call('weather', {}, 'failed')])),
      ...[7, 8, 9].map((n) => turn(n, 'Where does my parcel travel?', [call('get_order', {}, 'failed')])),
    ];
    expect(find([...refunds(3), ...others])).toHaveLength(1);
  });
});

describe('what is known already', () => {
  const known = after(find(refunds(3)));

  test('the same turns again say nothing new', () => {
    expect(find(refunds(3), { known })).toEqual([]);
  });

  test('more turns vouch for the version there is', () => {
    expect(find(refunds(5), { known })).toMatchObject([
      { procedure: known[0]?.procedure, version: 1, learnt: null, sources: [{ turn: 't4' }, { turn: 't5' }] },
    ]);
  });

  test('another way is the next version once it has worked more often, and not before', () => {
    const way = (n: number): Call[] => [call('get_order', { order: n }), call('check'), call('refund', { order: n })];
    const others = (count: number) =>
      Array.from({ length: count }, (_, n) => turn(n + 10, 'Please refund order, it is broken', way(n)));
    expect(find([...refunds(3), ...others(3)], { known })).toEqual([]);
    expect(find([...refunds(3), ...others(4)], { known })).toMatchObject([
      { procedure: known[0]?.procedure, version: 2, learnt: { steps: ['get_order', 'check', 'refund'] } },
    ]);
  });

  test('a version that was rolled back is not learnt again, nor a playbook whose run was undone', () => {
    expect(find(refunds(6), { known: after(find(refunds(3)), 'rolled_back') })).toEqual([]);
    const [first] = find(refunds(3));
    const undone = new Set([itemKey.learn(first?.procedure ?? '', first?.learnt?.steps ?? [])]);
    expect(find(refunds(3), { undone })).toEqual([]);
  });

  test('turns whose proof was undone do not come back', () => {
    const undone = new Set([itemKey.prove(known[0]?.procedure ?? '', 't4')]);
    expect(find(refunds(4), { known, undone })).toEqual([]);
    expect(find(refunds(5), { known, undone })).toMatchObject([{ sources: [{ turn: 't5' }] }]);
  });

  test('what somebody told for the same goal stays', () => {
    expect(find(refunds(3), { told: ['Refund order: broken'] })).toEqual([]);
  });
});

test('of a long past the newest twenty turns vouch, and reading them twice says nothing new', () => {
  const first = find(refunds(30));
  expect(first[0]?.sources).toHaveLength(20);
  expect(first[0]?.sources.at(-1)?.turn).toBe('t30');
  expect(find(refunds(30), { known: after(first) })).toEqual([]);
  expect(find(refunds(31), { known: after(first) })).toMatchObject([{ sources: [{ turn: 't31' }] }]);
});
