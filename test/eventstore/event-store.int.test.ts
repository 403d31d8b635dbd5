import { describe, expect, test } from 'vitest';
import { UnknownTenantError } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { collect, note, plainStore } from './shapes.ts';

const database = withDatabase('plain');

describe('an unknown tenant', () => {
  test.each(['nobody', 'acm', 'acme-corp', '%', '_cme', '', 'acme\0', 'ACME', "acme' or true --"])(
    '%j is an error, never an empty answer',
    async (tenant) => {
      const store = plainStore(database);
      const calls = [
        () => store.append(tenant, note('unknown', 'unknown')),
        () => collect(store.readStream(tenant, 'many/a')),
        () => collect(store.readLog(tenant)),
        () => store.head(tenant),
        () => store.foldStream(tenant, 'many/a', { name: 'n', version: 1, initial: () => 0, evolve: (n) => n + 1 }),
        () => store.positionAt(tenant, new Date()),
        () => store.readCommand(tenant, 'many'),
        () => store.readCommandEvents(tenant, { ids: ['many'] }),
      ];
      for (const call of calls) await expect(call()).rejects.toBeInstanceOf(UnknownTenantError);
    },
  );
});
