import type { ConsumerBatch, ConsumerOptions, ConsumerWrites } from '../../../eventstore/index.ts';
import { runConsumer } from '../../../eventstore/index.ts';
import { until } from '../../support/until.ts';
import type { TestDatabase } from '../../support/with-database.ts';
import type { Noted } from '../shapes.ts';
import { plainSchema } from '../shapes.ts';

/** A table for what handlers write: no key, so that what is written twice is there twice. */
export const outputTable = `
  create table holdfast.output (tenant int not null, consumer text not null, position bigint not null, text text, by text,
    at timestamptz not null default clock_timestamp());
  call holdfast.secure_table('output');
  grant insert on holdfast.output to holdfast_app`;

/** Writes a row for each event of a batch. */
export function writeOutput(
  consumer: string,
  { tenantNumber, events }: ConsumerBatch<Noted>,
  by = 'test',
): ConsumerWrites {
  return async (client) => {
    for (const { position, data } of events) {
      await client.query(
        'insert into holdfast.output (tenant, consumer, position, text, by) values ($1, $2, $3, $4, $5)',
        [tenantNumber, consumer, position, String(data.text), by],
      );
    }
  };
}

/** A consumer of a test, with pauses short enough to wait for. */
export interface TestConsumer extends AsyncDisposable {
  stop(): Promise<void>;
}

/** Runs a consumer in this process: `await using consumer = startConsumer(…)`. */
export function startConsumer(
  database: Pick<TestDatabase, 'pool'>,
  options: Pick<ConsumerOptions<Noted>, 'name'> & Partial<ConsumerOptions<Noted>>,
): TestConsumer {
  const stopping = new AbortController();
  const ended = runConsumer({
    pool: database.pool,
    schema: plainSchema,
    handle: (batch) => Promise.resolve(writeOutput(options.name, batch)),
    pollMs: 50,
    busyPollMs: 5,
    backoffMs: 5,
    signal: stopping.signal,
    ...options,
  });
  // A test that stops it looks at its end; until then it must not be an unhandled rejection.
  ended.catch(() => undefined);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

/** An output row. */
export interface Output {
  readonly tenant: number;
  readonly position: number;
  readonly text: string;
  readonly by: string;
}

/** What a consumer has written, in the order in which it was written. */
export async function outputOf({ admin }: Pick<TestDatabase, 'admin'>, consumer: string): Promise<Output[]> {
  const { rows } = await admin.query<Output>(
    'select tenant, position::int, text, by from output where consumer = $1 order by at, position',
    [consumer],
  );
  return rows;
}

/** Waits until a consumer has written this many rows; gives them. */
export async function outputs(
  database: Pick<TestDatabase, 'admin'>,
  consumer: string,
  count: number,
): Promise<Output[]> {
  return until(`${count} rows of ${consumer}`, async () => {
    const rows = await outputOf(database, consumer);
    return rows.length >= count ? rows : undefined;
  });
}
