import type pg from 'pg';
import type { DecodeEvents, EventRow } from '../read/decode-events.ts';
import type { EventShape } from '../event.ts';
import type { Projection } from './view.ts';
import { compileOperations } from './view.ts';

export interface FoldEventsInput<E extends EventShape> {
  readonly client: pg.ClientBase;
  readonly tenant: number;
  readonly decode: DecodeEvents<E>;
  readonly projections: readonly Projection<E>[];
  /** A run of events without holes. */
  readonly rows: readonly EventRow[];
  /** Schema of the apply function. @default 'holdfast' */
  readonly into?: 'holdfast' | 'pg_temp';
}

/** Folds a run of stored events and applies the outcome to the view tables, in the caller's transaction. */
export async function foldEvents<E extends EventShape>({
  client,
  tenant,
  decode,
  projections,
  rows,
  into = 'holdfast',
}: FoldEventsInput<E>): Promise<void> {
  const first = rows[0];
  if (!first || projections.length === 0) return;
  const events = await decode(client, tenant, rows);
  const { operations } = compileOperations(
    events.map((event) => projections.flatMap((projection) => projection.project(event))),
  );
  if (Object.keys(operations).length === 0) return;
  await client.query(`select ${into}.apply_views($1, $2, $3)`, [tenant, [first.position], JSON.stringify(operations)]);
}
