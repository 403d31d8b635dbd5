import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approvalId, commandPrefixes, commands, streams } from '../../memory/keys.ts';
import { isVisible, scopeStream, turnScope } from '../../memory/scope.ts';
import type { Scope } from '../../memory/scope.ts';

const part = fc.option(
  fc.oneof(fc.constantFrom('a', 'a/t=b', 'a%2Ft=b', '', '/', 'u=a', '=', '%', 'ä'), fc.string({ unit: 'grapheme' })),
  {
    nil: undefined,
  },
);
const scope: fc.Arbitrary<Scope> = fc
  .record({ user: part, agent: part, thread: part })
  .map(({ user, agent, thread }) => ({
    ...(user === undefined ? {} : { user }),
    ...(agent === undefined ? {} : { agent }),
    ...(thread === undefined ? {} : { thread }),
  }));
const same = (a: Scope, b: Scope): boolean => a.user === b.user && a.agent === b.agent && a.thread === b.thread;

describe('isVisible compares part by part', () => {
  const reader: Scope = { user: 'acme', agent: 'support', thread: 't1' };
  test.each<[Scope, boolean]>([
    [{}, true],
    [{ user: 'acme' }, true],
    [{ agent: 'support' }, true],
    [{ user: 'acme', thread: 't1' }, true],
    [reader, true],
    [{ user: 'acme-corp' }, false],
    [{ user: 'acm' }, false],
    [{ user: '' }, false],
    [{ user: 'ACME' }, false],
    [{ user: 'acme', agent: 'sales' }, false],
    [{ user: 'support', agent: 'acme' }, false],
    [{ thread: 't10' }, false],
  ])('%j from a reader of acme, support, t1: %s', (memory, visible) => {
    expect(isVisible(memory, reader)).toBe(visible);
  });

  test('a reader without a part sees no memory that names one', () => {
    expect(isVisible({ user: 'acme' }, {})).toBe(false);
    expect(isVisible({ user: 'acme' }, { agent: 'acme', thread: 'acme' })).toBe(false);
    expect(isVisible({}, {})).toBe(true);
  });

  test('any scope sees itself, and less shared never sees more', () => {
    fc.assert(
      fc.property(scope, scope, (a, b) => {
        expect(isVisible(a, a)).toBe(true);
        expect(isVisible({}, a)).toBe(true);
        if (isVisible(a, b) && isVisible(b, a)) expect(same(a, b)).toBe(true);
      }),
    );
  });
});

describe('names', () => {
  test('no two scopes share a stream', () => {
    fc.assert(
      fc.property(scope, scope, (a, b) => {
        expect(scopeStream('memory', a) === scopeStream('memory', b)).toBe(same(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  test('no two blocks, threads or agents share a stream', () => {
    fc.assert(
      fc.property(scope, scope, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b, x, y) => {
        expect(streams.block(a, x) === streams.block(b, y)).toBe(same(a, b) && x === y);
        expect(streams.thread(x, y) === streams.thread(y, x)).toBe(x === y);
        expect(streams.agent(x) === streams.agent(y)).toBe(x === y);
      }),
    );
  });

  test('no turn can have the keys of another turn, whatever its id', () => {
    const turn = fc.oneof(
      fc.constantFrom('a', 'a/step/1', 'a/terminal', 'a.1.0', 'a.1', 'a%2Fstep%2F1', 'a%2E1', 'a/extraction/failed'),
      fc.string({ unit: 'grapheme', minLength: 1 }),
    );
    const ids = (id: string): string[] => [
      commands.requestTurn(id),
      commands.step(id, 1),
      commands.tool(id, 1, 0),
      commands.terminal(id),
      commands.extraction(id),
      commands.history(id),
      commands.decision(approvalId(id, 1, 0), 'approve', 'bo'),
      commands.ignoredDecision(approvalId(id, 1, 0), 'approve', 'bo'),
    ];
    const own = (id: string): string[] => [
      streams.turn(id),
      streams.history(id),
      streams.extraction(id),
      streams.approval(approvalId(id, 1, 0)),
    ];
    fc.assert(
      fc.property(turn, turn, (a, b) => {
        const belongs = (id: string): boolean =>
          id === commands.requestTurn(a) || commandPrefixes(a).some((prefix) => id.startsWith(prefix));
        expect(ids(a).every(belongs)).toBe(true);
        fc.pre(a !== b);
        expect(ids(b).filter(belongs)).toEqual([]);
        expect(own(b).filter((stream) => own(a).includes(stream))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('of plain ids read as they are', () => {
    expect(commands.tool('t-1', 2, 0)).toBe('turn/t-1/step/2/tool/0');
    expect(commandPrefixes('t-1')).toEqual(['turn/t-1/', 'approval/t-1.']);
    expect(approvalId('t-1', 2, 0)).toBe('t-1.2.0');
    expect(streams.memory({ user: 'ana' })).toBe('memory/u=ana');
  });
});

test('memories of a turn follow its user; of nobody in particular they stay in the thread', () => {
  expect(turnScope({ user: 'ana', thread: 't' })).toEqual({ user: 'ana' });
  expect(turnScope({ user: null, thread: 't' })).toEqual({ thread: 't' });
});
