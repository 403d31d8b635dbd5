import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { allFaults, planFaults } from '../../chaos/faults/plan.ts';
import { openHistory, readHistory } from '../../chaos/history.ts';
import { explainGrowth, growth } from '../../chaos/leaks.ts';
import { createRandom } from '../../chaos/random.ts';
import { countFound, findMissing, shrinkHistory } from '../../chaos/report.ts';
import { makeWork } from '../../chaos/work.ts';
import { assertChaosFlags } from '../../cli/chaos-flags.ts';

function planOf(seed: number, length: number): string[] {
  const plan = planFaults(createRandom(seed));
  return Array.from({ length }, () => plan.next().value.kind);
}

describe('the plan of faults', () => {
  test('is the same for the same seed, and another one for another', () => {
    expect(planOf(7, 100)).toEqual(planOf(7, 100));
    expect(planOf(8, 100)).not.toEqual(planOf(7, 100));
  });

  test('holds every kind once before chance begins', () => {
    const kinds = allFaults.map(({ kind }) => kind);
    expect(planOf(3, kinds.length).sort()).toEqual(kinds.sort());
    expect(new Set(kinds).size).toBe(kinds.length);
  });
});

describe('a run that proves nothing', () => {
  test('is told by a fault that never landed, work that was never done, and no doubt', () => {
    expect(findMissing({ worker_kill: 1, half_open: 0 }, { plain: 3, forget: 0 }, 0)).toEqual([
      'the fault "half_open" never happened',
      'the work "forget" never happened',
      'no client ever had to ask again: the faults did not reach them',
    ]);
    expect(findMissing({ worker_kill: 1 }, { plain: 1 }, 1)).toEqual([]);
  });
});

describe('a history', () => {
  test('gives each operation from all its lines; the first violation shows the lines that it is about', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-history-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'history.jsonl');
    const history = openHistory(file);
    const asked = { op: 'c0-1', kind: 'plain', turn: 'turn-c0-1' } as const;
    history.write({ ...asked, attempt: 1, what: 'asked' });
    history.write({ ...asked, attempt: 1, what: 'failed', error: 'STORE_UNAVAILABLE' });
    history.write({ op: 'c1-1', kind: 'plain', turn: 'turn-c1-1', attempt: 1, what: 'asked' });
    history.write({ ...asked, attempt: 2, what: 'asked' });
    history.write({ ...asked, attempt: 2, what: 'acknowledged', status: 'completed' });
    const operations = readHistory(file);
    expect(operations).toMatchObject([
      { op: 'c0-1', attempts: 2, status: 'completed' },
      { op: 'c1-1', attempts: 1, acknowledgedAt: null },
    ]);
    expect(operations[0]?.acknowledgedAt).toBeGreaterThan(operations[0]?.askedAt ?? Infinity);
    const violations = [
      { kind: 'other', what: 'of no name', about: [] },
      { kind: 'lost', what: 'gone', about: ['turn-c0-1'] },
    ] as const;
    const answer = { invariants: [{ id: 'I1', says: '', violations }], events: 0, commands: 0, operations: 2 };
    expect(shrinkHistory(answer, operations).map((line) => (JSON.parse(line) as { what: string }).what)).toEqual([
      'asked',
      'failed',
      'asked',
      'acknowledged',
    ]);
    expect(countFound(answer)).toEqual({ lost: 1, duplicated: 0, partial: 0, violations: 2 });
  });
});

describe('what the driver keeps', () => {
  test('is told when it grows, not when it comes and goes', () => {
    const MiB = 2 ** 20;
    const steady = [10, 90, 12, 80, 11, 95].map((heap) => ({ heap: heap * MiB, handles: 30 }));
    expect(explainGrowth(growth(steady))).toEqual([]);
    const leaking = [10, 100, 200, 300, 400, 500].map((heap) => ({ heap: heap * MiB, handles: heap }));
    expect(explainGrowth(growth(leaking))).toEqual([
      'the driver grew by 390 MiB',
      'the driver holds 390 more files and sockets than at first',
    ]);
  });
});

test.each([
  [{ kills: 3 }, /--kills belongs to --chaos/],
  [{ chaos: true, all: true }, /--chaos runs on a stack of its own, --all/],
  [{ chaos: true, minutes: 1, kills: 1 }, /--minutes and --kills/],
])('flags that make no sense together are refused: %j', (flags, says) => {
  expect(() => assertChaosFlags(flags)).toThrow(says);
  expect(() => assertChaosFlags({ chaos: true, kills: 3, seed: 1, sabotage: 'lock' })).not.toThrow();
});

test('no two payments of a long run have the same amount', () => {
  const source = {
    rebuild: () => Promise.resolve(),
    exportLog: () => Promise.resolve(),
    neighbour: () => null as never,
  };
  const amounts = ['c0', 'c1', 'c2', 'c3'].flatMap((client) =>
    Array.from(
      { length: 5_000 },
      (_, n) => makeWork('pay_once', n, { ...source, client, random: createRandom(1) }).facts.amount,
    ),
  );
  expect(new Set(amounts).size).toBe(amounts.length);
});
