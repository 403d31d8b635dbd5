import { expect, test } from 'vitest';
import { createScopeOrder } from '../../activities/scope-order.ts';
import type { ScopeOrder } from '../../activities/scope-order.ts';
import { ExpectedVersionConflictError } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { withExtraction } from './extract-rig.ts';

const database = withDatabase();
const rig = withExtraction(database);
const cities = [
  'Rome',
  'Oslo',
  'Lima',
  'Cairo',
  'Delhi',
  'Tokyo',
  'Quito',
  'Dakar',
  'Hanoi',
  'Paris',
  'Perth',
  'Turin',
];

/** Extracts twelve turns of a user at once; gives how many decisions were thrown away. */
async function atOnce(user: string, order: ScopeOrder): Promise<number> {
  let conflicts = 0;
  const append: typeof database.store.append = async (...command) => {
    try {
      return await database.store.append(...command);
    } catch (error) {
      if (error instanceof ExpectedVersionConflictError) conflicts += 1;
      throw error;
    }
  };
  const store = { ...database.store, append };
  const turns: string[] = [];
  for (const city of cities) turns.push(await rig.say(user, `I live in ${city}.`, 'rules'));
  await Promise.allSettled(turns.map((turn) => rig.extract(turn, user, { agent: 'rules', store, order })));
  return conflicts;
}

test('extractions of one user at once are written one after the other: none decides in vain', async () => {
  expect(await atOnce('ana', (_key, work) => work())).toBeGreaterThan(10);
  const order = createScopeOrder();
  // Two users do not wait for each other, and do not disturb each other either.
  expect(await Promise.all([atOnce('bo', order), atOnce('eva', order)])).toEqual([0, 0]);
  for (const user of ['bo', 'eva']) expect(await rig.facts(user, true)).toHaveLength(cities.length);
});

test('one that fails does not stop the next', async () => {
  const order = createScopeOrder();
  const ran: string[] = [];
  const failing = order('a', () => {
    ran.push('first');
    return Promise.reject(new Error('no'));
  });
  const next = order('a', () => {
    ran.push('second');
    return Promise.resolve('done');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('done');
  expect(ran).toEqual(['first', 'second']);
});
