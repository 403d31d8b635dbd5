import { createEventStore, localKeyWrapper, logMigrations } from '../../eventstore/index.ts';
import type { Command, EventStore, KeyWrapper, LogSchema } from '../../eventstore/index.ts';
import type { TestDatabase } from '../support/with-database.ts';

/** An event with one public and two personal fields. */
export interface Said {
  readonly type: 'Said';
  readonly data: { readonly n: number; readonly text: string; readonly notes?: { readonly list: readonly string[] } };
}

/** A schema without views whose texts are personal. */
export const saidSchema: LogSchema<Said> = {
  migrationFolders: [logMigrations],
  projections: [],
  personal: { Said: { text: '[forgotten]', 'notes.list': [] } },
};

/** A master key of these tests. */
export const masterKey = '0123456789abcdef'.repeat(4);

/** A store of a process that holds the master key; another wrapper is another process's. */
export function saidStore(
  database: Pick<TestDatabase, 'pool'>,
  keyWrapper: KeyWrapper = localKeyWrapper(masterKey),
): EventStore<Said> {
  return createEventStore({ pool: database.pool, schema: { ...saidSchema, keyWrapper } });
}

/** A command with one event about the subjects. */
export function said(
  id: string,
  text: string,
  subjects: readonly string[],
  more: Partial<Command<Said>> & { readonly data?: object } = {},
): Command<Said> {
  const { data = {}, ...rest } = more;
  return {
    id,
    streams: [{ name: `said/${id}`, expectedVersion: 'any' }],
    events: [{ type: 'Said', stream: `said/${id}`, subjects, data: { n: 1, text, ...data } }],
    ...rest,
  };
}
