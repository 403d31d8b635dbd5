import type pg from 'pg';
import { decryptRows } from './decrypt-events.ts';
import type { EventShape, StoredEvent } from '../event.ts';
import type { LogSchema } from '../log-schema.ts';
import { checkPersonalFields } from '../keys/personal-fields.ts';
import { upcast } from './upcast.ts';

/** An event as its table holds it. */
export interface EventRow {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schema_version: number;
  readonly subjects: string[] | null;
  readonly recorded_at: Date;
  readonly data: object;
}

/** The columns of an EventRow, where `e` is the event and `s` its stream. */
export const eventColumns =
  'e.position, s.name as stream, e.version, e.type, e.schema_version, e.subjects, e.recorded_at, e.data';

/**
 * Events with their streams. `offset 0` keeps this a look-up per event: planned as a join, statistics that are out of date would
 * have every page read all streams, or the whole log.
 */
export const eventsWithStreams = `holdfast.event e cross join lateral
  (select s.name from holdfast.stream s where s.tenant = e.tenant and s.no = e.stream offset 0) s`;

/** Start of every query for events: add conditions and an order. `$1` is the tenant. */
export const selectEvents = `select ${eventColumns} from ${eventsWithStreams} where e.tenant = $1`;

/**
 * Turns rows into events. The client is the one the rows were read with, so that whatever else decoding needs is read in the
 * same snapshot.
 */
export type DecodeEvents<E extends EventShape> = (
  client: pg.ClientBase,
  tenant: number,
  rows: readonly EventRow[],
  /** Subjects whose personal fields are read as if they were forgotten. */
  options?: { readonly forget?: ReadonlySet<string> },
) => Promise<StoredEvent<E>[]>;

/**
 * The one way from stored rows to events, for every reader of a log of this schema: decrypt, then upcast. Throws when the schema
 * cannot be followed; decoding throws UnknownSchemaVersionError and UpcastFailedError at the first such row.
 */
export function createDecoder<E extends EventShape>(schema: LogSchema<E>): DecodeEvents<E> {
  checkPersonalFields(schema.personal ?? {});
  return async (client, _tenant, rows, options) => {
    const opened = await decryptRows(client, rows, schema, options);
    return opened.map(
      (row) =>
        // The log gives back what `append` took, in the shape it has now: what the type says.
        ({
          type: row.type,
          data: upcast(schema, row),
          position: row.position,
          stream: row.stream,
          version: row.version,
          schemaVersion: row.schema_version,
          subjects: row.subjects ?? [],
          recordedAt: row.recorded_at,
          ...(row.forgotten ? { forgotten: true } : {}),
        }) as unknown as StoredEvent<E>,
    );
  };
}
