import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readViews } from '../../../projections/read-views.ts';
import { readMessages } from '../../../projections/working/queries.ts';
import { withDatabase } from '../../support/with-database.ts';

const database = withDatabase();

test('reads that fail together fail their caller, never the process', async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  try {
    const tenant = await database.store.tenantNumber('default');
    const reading = readViews(database.pool, tenant, async (reader) => {
      // What a connection that breaks does to all that wait for it: each one fails.
      await reader.client.query('select 1 / 0').catch(() => undefined);
      return readMessages(reader, { thread: 'one', branch: 'fork', turn: 'a' });
    });
    await expect(reading).rejects.toThrow();
    // Rejections are called unhandled at the end of the tick.
    await delay(0);
    expect(unheard).toEqual([]);
  } finally {
    process.off('unhandledRejection', hear);
  }
});
