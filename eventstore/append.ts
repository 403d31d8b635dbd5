import type pg from 'pg';
import { encodeCommand } from './encode-command.ts';
import { CommandBodyDiffersError, ExpectedVersionConflictError, StreamSealedError } from './errors.ts';
import type { Command, EventShape, Receipt, StoredEvent } from './event.ts';
import { retryConnection } from './retry-connection.ts';
import { compileOperations } from './view.ts';
import type { Projection } from './view.ts';

export interface AppendInput<E extends EventShape> {
  readonly pool: pg.Pool;
  readonly projections: readonly Projection<E>[];
  readonly tenant: number;
  readonly command: Command<E>;
  readonly strict?: boolean;
  readonly transaction?: pg.ClientBase;
}

type Outcome =
  | { readonly outcome: 'accepted'; readonly first: number; readonly last: number; readonly at: string }
  | {
      readonly outcome: 'replayed';
      readonly same_body: boolean;
      readonly first: number;
      readonly last: number;
      readonly at: string;
      readonly result: string;
    }
  | { readonly outcome: 'conflict'; readonly stream: string; readonly expected: number; readonly actual: number }
  | { readonly outcome: 'sealed'; readonly stream: string; readonly actual: number };

/** Sends one command to the append function and turns its outcome into a receipt or an error. */
export async function appendCommand<E extends EventShape, R>(input: AppendInput<E>): Promise<Receipt<R>> {
  const { pool, tenant, command, strict = false, transaction } = input;
  const encoded = encodeCommand(command);
  // Views are folded before the lock is taken: only finished rows travel.
  const operations = compileOperations(
    command.events.map((event, index) => {
      const stored = provisional(event, index);
      return input.projections.flatMap((projection) => projection.project(stored));
    }),
  );
  const query = {
    name: 'holdfast_append',
    text: 'select holdfast.append_commands($1, $2, $3, $4, $5, $6) as outcomes',
    values: [
      tenant,
      JSON.stringify([encoded.envelope]),
      encoded.data,
      [encoded.meta],
      [encoded.result],
      [JSON.stringify(operations)],
    ],
  };
  const { rows } = transaction
    ? await transaction.query<{ outcomes: Outcome[] }>(query)
    : // A connection that breaks may have committed before it broke; the command id makes the repeat harmless, and its
      // answer says what happened.
      await retryConnection(() => pool.query<{ outcomes: Outcome[] }>(query));
  const outcome = rows[0]?.outcomes[0];
  switch (outcome?.outcome) {
    case 'accepted':
    case 'replayed': {
      const replayed = outcome.outcome === 'replayed';
      const bodyDiffers = replayed && !outcome.same_body;
      if (strict && bodyDiffers) throw new CommandBodyDiffersError(command.id);
      return {
        commandId: command.id,
        firstPosition: outcome.first,
        lastPosition: outcome.last,
        recordedAt: new Date(outcome.at),
        replayed,
        bodyDiffers,
        result: JSON.parse(replayed ? outcome.result : encoded.result) as R,
      };
    }
    case 'conflict': {
      // In the caller's own words: the function's code for 'none' is 0.
      const expectation = command.streams.find(({ name }) => name === outcome.stream);
      throw new ExpectedVersionConflictError(
        outcome.stream,
        expectation?.expectedVersion ?? outcome.expected,
        outcome.actual,
      );
    }
    case 'sealed':
      throw new StreamSealedError(outcome.stream, outcome.actual);
    case undefined:
      throw new Error('The append function gave no outcome.');
  }
}

/**
 * The event as projections see it inside an append. Positions, versions and times are not known before the lock, so they
 * are relative here: projections must not put them in rows (SQL fills `from_pos`).
 */
function provisional<E extends EventShape>(event: Command<E>['events'][number], index: number): StoredEvent<E> {
  return {
    ...event,
    schemaVersion: event.schemaVersion ?? 1,
    subjects: event.subjects ?? [],
    position: index,
    version: 0,
    recordedAt: new Date(0),
  };
}
