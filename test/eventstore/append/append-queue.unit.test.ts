import { describe, expect, test } from 'vitest';
import type { BatchAnswer, FoldedCommand, Outcome, Refusal } from '../../../eventstore/append/append-batch.ts';
import { createAppendQueue } from '../../../eventstore/append/append-queue.ts';
import { encodeCommand } from '../../../eventstore/append/encode-command.ts';
import { StoreUnavailableError } from '../../../eventstore/index.ts';
import { note } from '../shapes.ts';

function folded(
  id: string,
  { stream = id, keys = [], seal = false }: { stream?: string; keys?: readonly string[]; seal?: boolean } = {},
): FoldedCommand {
  return { ...encodeCommand(note(id, stream, 'any', { seal })), operations: {}, viewKeys: new Set(keys) };
}

/** A log that answers when it is told to, and remembers what was sent. */
function heldLog(answer: (ids: readonly string[], position: number) => BatchAnswer | Error = () => accepted(1)) {
  const batches: string[][] = [];
  const waiting: (() => void)[] = [];
  let position = 0;
  const send = async (_tenant: number, batch: readonly FoldedCommand[]): Promise<BatchAnswer> => {
    const ids = batch.map(({ id }) => id);
    batches.push(ids);
    await new Promise<void>((resolve) => waiting.push(resolve));
    const given = answer(ids, position);
    if (given instanceof Error) throw given;
    if ('first' in given) position += ids.length;
    return given;
  };
  /** Lets the log answer everything until nothing is asked any more. */
  const finish = async (): Promise<void> => {
    for (let idle = 0; idle < 5;) {
      const next = waiting.shift();
      if (next) next();
      idle = next ? 0 : idle + 1;
      await new Promise(setImmediate);
    }
  };
  return { send, batches, finish };
}

const accepted = (first: number): BatchAnswer => ({ first, at: '2026-01-01T00:00:00Z' });
const conflict = (final: boolean): Refusal => ({ outcome: 'conflict', stream: 's', actual: 1, final });

describe('commands of one tenant', () => {
  test('travel together while a batch is in flight; the first leaves at once', async () => {
    const log = heldLog((_ids, position) => accepted(position + 1));
    const append = createAppendQueue(log);
    const outcomes = ['a', 'b', 'c', 'd'].map((id) => append(1, folded(id)));
    await log.finish();
    expect(log.batches).toEqual([['a'], ['b', 'c', 'd']]);
    expect(await Promise.all(outcomes)).toMatchObject([1, 2, 3, 4].map((first) => ({ outcome: 'accepted', first })));
  });

  test('are told nothing before their batch is answered', async () => {
    const log = heldLog();
    const append = createAppendQueue(log);
    let told = false;
    const outcome = append(1, folded('a')).then(() => (told = true));
    await new Promise(setImmediate);
    expect(told).toBe(false);
    await log.finish();
    await outcome;
    expect(told).toBe(true);
  });

  test('of two tenants do not wait for each other', async () => {
    const log = heldLog();
    const append = createAppendQueue(log);
    const outcomes = [append(1, folded('a')), append(2, folded('b'))];
    await new Promise(setImmediate);
    expect(log.batches).toEqual([['a'], ['b']]);
    await log.finish();
    await Promise.all(outcomes);
  });

  const apart: readonly (readonly [string, readonly FoldedCommand[], string[][]])[] = [
    ['with the same id', [folded('a'), folded('a')], [['first'], ['a'], ['a']]],
    [
      'with a view row in common',
      [folded('a', { keys: ['k'] }), folded('b', { keys: ['k'] })],
      [['first'], ['a'], ['b']],
    ],
    [
      'on a stream that the one before seals',
      [folded('a', { stream: 's', seal: true }), folded('b', { stream: 's' })],
      [['first'], ['a'], ['b']],
    ],
    [
      'on one stream that is open may',
      [folded('a', { stream: 's' }), folded('b', { stream: 's' })],
      [['first'], ['a', 'b']],
    ],
  ];
  test.each(apart)('%s do not travel together', async (_name, commands, batches) => {
    const log = heldLog();
    const append = createAppendQueue(log);
    const outcomes = [folded('first'), ...commands].map((command) => append(1, command));
    await log.finish();
    expect(log.batches).toEqual(batches);
    await Promise.all(outcomes);
  });

  test('are cut into batches by number and by bytes', async () => {
    const log = heldLog();
    const append = createAppendQueue({ ...log, maxCommands: 2 });
    const small = ['a', 'b', 'c', 'd', 'e'].map((id) => append(1, folded(id)));
    await log.finish();
    expect(log.batches).toEqual([['a'], ['b', 'c'], ['d', 'e']]);
    const byBytes = heldLog();
    const tight = createAppendQueue({ ...byBytes, maxBytes: folded('a').bytes * 2 });
    const large = ['a', 'b', 'c', 'd'].map((id) => tight(1, folded(id)));
    await byBytes.finish();
    expect(byBytes.batches).toEqual([['a'], ['b', 'c'], ['d']]);
    await Promise.all([...small, ...large]);
  });
});

describe('when something is wrong with one of a batch', () => {
  async function outcomesOf(answer: Parameters<typeof heldLog>[0], ids: readonly string[]) {
    const log = heldLog(answer);
    const append = createAppendQueue(log);
    const outcomes = ['first', ...ids].map((id) =>
      append(1, folded(id)).then(
        ({ outcome }: Outcome) => outcome,
        (error: unknown) => (error instanceof Error ? error.message : ''),
      ),
    );
    await log.finish();
    return { batches: log.batches.slice(1), outcomes: (await Promise.all(outcomes)).slice(1) };
  }

  test('for good: it is told, the others go again without it', async () => {
    const result = await outcomesOf(
      (ids) => (ids.includes('b') ? { others: { [ids.indexOf('b') + 1]: conflict(true) } } : accepted(1)),
      ['a', 'b', 'c'],
    );
    expect(result).toEqual({
      batches: [
        ['a', 'b', 'c'],
        ['a', 'c'],
      ],
      outcomes: ['accepted', 'conflict', 'accepted'],
    });
  });

  test('only if those before it are written: it is judged after them', async () => {
    const result = await outcomesOf(
      (ids) => {
        const index = ids.indexOf('b');
        return index < 0 ? accepted(1) : { others: { [index + 1]: conflict(ids.length === 1) } };
      },
      ['a', 'b', 'c'],
    );
    expect(result).toEqual({
      batches: [['a', 'b', 'c'], ['a'], ['b'], ['c']],
      outcomes: ['accepted', 'conflict', 'accepted'],
    });
  });

  test('a command that the database cannot take fails alone', async () => {
    const result = await outcomesOf(
      (ids) => (ids.includes('b') ? new Error('cannot take b') : accepted(1)),
      ['a', 'b', 'c'],
    );
    expect(result.outcomes).toEqual(['accepted', 'cannot take b', 'accepted']);
  });

  test('a server out of reach is told to all at once', async () => {
    const result = await outcomesOf(
      (ids) => (ids[0] === 'first' ? accepted(1) : new StoreUnavailableError(6, new Error('gone'))),
      ['a', 'b'],
    );
    expect(result.batches).toEqual([['a', 'b']]);
    expect(result.outcomes.every((message) => /did not answer/.test(message))).toBe(true);
  });
});
