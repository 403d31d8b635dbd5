import { expect, test } from 'vitest';
import { countUses, isFailing, judgeUse } from '../../memory/procedure-use.ts';
import type { ProcedureUse, UseVerdict } from '../../memory/procedure-use.ts';

/** Calls as `tool:outcome`. */
function use(status: string | null, calls: string, code: string | null = null): ProcedureUse {
  return {
    ...{ status, code },
    calls: calls
      .split(' ')
      .filter((call) => call !== '')
      .map((call) => ({ tool: call.split(':')[0] ?? '', outcome: call.split(':')[1] ?? '' })),
  };
}

test.each<[string, ProcedureUse, UseVerdict]>([
  ['completed, a tool worked', use('completed', 'find:ok'), 'success'],
  ['a call that was repeated until it worked', use('completed', 'find:failed find:invalid find:ok'), 'success'],
  ['a rejected call beside one that worked', use('completed', 'find:ok pay:rejected'), 'success'],
  ['completed, one of two tools left failing', use('completed', 'find:ok pay:failed'), 'failure'],
  ['worked first, failed last', use('completed', 'find:ok find:timed_out'), 'failure'],
  ['completed, but the arguments never fit', use('completed', 'find:invalid'), 'failure'],
  ['failed with a tool left failing', use('failed', 'find:failed', 'MODEL_UNAVAILABLE'), 'failure'],
  ['failed by a limit', use('failed', 'find:ok', 'LIMIT_STEPS'), 'failure'],
  ['failed because the model was down', use('failed', 'find:ok', 'MODEL_UNAVAILABLE'), 'unknown'],
  ['completed without a tool', use('completed', ''), 'unknown'],
  ['only a rejected or skipped call', use('completed', 'pay:rejected find:skipped'), 'unknown'],
  ['aborted', use('aborted', 'find:failed'), 'unknown'],
  ['goes on', use(null, 'find:ok'), 'unknown'],
])('a turn that %s', (_what, given, verdict) => {
  expect(judgeUse(given)).toBe(verdict);
});

test('verdicts are counted', () => {
  const uses = [use('completed', 'a:ok'), use('completed', 'a:failed'), use('completed', 'a:ok'), use(null, '')];
  expect(countUses(uses)).toEqual({ successes: 2, failures: 1, unknown: 1 });
  expect(countUses([])).toEqual({ successes: 0, failures: 0, unknown: 0 });
});

test.each([
  [0, 0, false],
  [0, 2, false],
  [0, 3, true],
  [2, 3, false],
  [2, 4, true],
  [9, 3, false],
])('%i successes and %i failures: failing is %s', (successes, failures, failing) => {
  expect(isFailing({ successes, failures })).toBe(failing);
});
