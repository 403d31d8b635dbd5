import type { Command, EventStore, ExpectedVersion, LogSchema } from '../../eventstore/index.ts';
import { createEventStore, logMigrations } from '../../eventstore/index.ts';
import type { TestDatabase } from '../support/with-database.ts';

/** The least an event can be: the log is generic, so its tests need no memory. */
export interface Noted {
  readonly type: 'Noted';
  readonly data: { readonly text: unknown };
}

/** An event for one stream. */
export function noted(stream: string, text: unknown = 'x'): Noted & { stream: string } {
  return { type: 'Noted', stream, data: { text } };
}

/** A command with one event for one stream. */
export function note(
  id: string,
  stream: string,
  expectedVersion: ExpectedVersion = 'any',
  { text = id, seal }: { text?: unknown; seal?: boolean } = {},
): Command<Noted> {
  return {
    id,
    streams: [{ name: stream, expectedVersion, ...(seal === undefined ? {} : { seal }) }],
    events: [noted(stream, text)],
    result: { answer: id },
  };
}

/** A log without views. */
export const plainSchema: LogSchema<Noted> = { migrationFolders: [logMigrations], projections: [] };

/** A store without views over the test's pool. */
export function plainStore(database: Pick<TestDatabase, 'pool'>): EventStore<Noted> {
  return createEventStore({ pool: database.pool, schema: plainSchema });
}

/** Everything an async iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Numbers from 1 to n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1);
}
