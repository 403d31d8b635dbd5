import type pg from 'pg';
import type { EncodedCommand } from './encode-command.ts';
import type { CompiledOperations } from '../views/view.ts';
import { joinOperations } from '../views/view.ts';

/** A command ready to be sent: what is stored, and the view rows it brings about. */
export interface FoldedCommand extends EncodedCommand {
  /** Compiled for the command alone. */
  readonly operations: CompiledOperations;
  /** Keys of the view rows it touches; commands of one batch have none in common. */
  readonly viewKeys: ReadonlySet<string>;
}

/** What the log did with one command. */
export type Outcome =
  | { readonly outcome: 'accepted'; readonly first: number; readonly at: string }
  | {
      readonly outcome: 'replayed';
      readonly same_body: boolean;
      readonly first: number;
      readonly last: number;
      readonly at: string;
      readonly result: string;
    }
  | { readonly outcome: 'conflict' | 'sealed'; readonly stream: string; readonly actual: number }
  | { readonly outcome: 'key_destroyed' | 'forgotten'; readonly subject: string }
  | {
      readonly outcome: 'quota';
      readonly events: number;
      readonly max_events: number | null;
      readonly bytes: number;
      readonly max_bytes: number | null;
    };

/** What is wrong with a command; `final` false: it supposes that earlier commands of the batch were written. */
export type Refusal = Exclude<Outcome, { readonly outcome: 'accepted' }> & { readonly final: boolean };

/** All commands of a batch were written from position `first` on, or none was and `others` says why, by index from 1. */
export type BatchAnswer =
  { readonly first: number; readonly at: string } | { readonly others: Readonly<Record<string, Refusal>> };

/** Sends commands of one tenant in one statement, which is one transaction. */
export async function appendBatch(
  client: Pick<pg.ClientBase, 'query'>,
  tenant: number,
  viewsVersion: string,
  commands: readonly FoldedCommand[],
): Promise<BatchAnswer> {
  const values = parameters(tenant, viewsVersion, commands);
  const { rows } = await client.query<{ answer: BatchAnswer }>({
    name: 'holdfast_append',
    text: `select holdfast.append_commands(${values.map((_, index) => `$${index + 1}`).join(', ')}) as answer`,
    values,
  });
  const answer = rows[0]?.answer;
  if (!answer) throw new Error('The append function gave no answer.');
  return answer;
}

/** The arguments of append_commands (migrations/0001-log.sql), which says what each array holds. */
function parameters(tenant: number, viewsVersion: string, commands: readonly FoldedCommand[]): unknown[] {
  const streams = new Map<string, { number: number; touch: number; added: number; seal: boolean }>();
  const touches: { command: number; stream: number; expect: number; before: number }[] = [];
  const places: { stream: number; ordinal: number }[] = [];
  for (const [index, command] of commands.entries()) {
    const own = command.touches.map(({ stream: name, expect, seal, added }) => {
      const stream = streams.get(name) ?? {
        number: streams.size + 1,
        touch: touches.length + 1,
        added: 0,
        seal: false,
      };
      streams.set(name, stream);
      const before = stream.added;
      touches.push({ command: index + 1, stream: stream.number, expect, before });
      stream.added += added;
      stream.seal = seal;
      return { stream: stream.number, before };
    });
    for (const { touch, ordinal } of command.events) {
      const { stream = 0, before = 0 } = own[touch] ?? {};
      places.push({ stream, ordinal: before + ordinal });
    }
  }
  const events = commands.flatMap((command) => command.events);
  const totals = [...streams.values()];
  const readers = [...commands.entries()].filter(([, { readAt }]) => readAt !== null);
  const operations = joinOperations(commands.map(({ operations: own }, index) => forCommand(own, index)));
  return [
    tenant,
    viewsVersion,
    commands.reduce((sum, { bytes }) => sum + bytes, 0),
    commands.map(({ id }) => id),
    commands.map(({ hash }) => hash),
    commands.map(({ digest }) => digest),
    commands.map((command) => command.events.length),
    commands.map(({ meta }) => meta),
    commands.map(({ result }) => result),
    [...streams.keys()],
    totals.map(({ touch }) => touch),
    totals.map(({ added }) => added),
    totals.map(({ seal }) => seal),
    touches.map(({ command }) => command),
    touches.map(({ stream }) => stream),
    touches.map(({ expect }) => expect),
    touches.map(({ before }) => before),
    places.map(({ stream }) => stream),
    places.map(({ ordinal }) => ordinal),
    events.map(({ type }) => type),
    events.map(({ schemaVersion }) => schemaVersion),
    events.map(({ subjects }) => (subjects.length === 0 ? null : arrayLiteral(subjects))),
    events.map(({ data }) => data),
    commands.flatMap(({ keys }, index) => keys.map(() => index + 1)),
    commands.flatMap(({ keys }) => keys.map(([subject]) => subject)),
    commands.flatMap(({ keys }) => keys.map(([, no]) => no)),
    readers.map(([index]) => index + 1),
    readers.map(([, { readAt }]) => readAt),
    readers.map(([, command]) => arrayLiteral([...new Set(command.events.flatMap(({ subjects }) => subjects))])),
    operations === null ? null : JSON.stringify(operations),
  ];
}

/** The same operations under another index: a command's place in a batch is known only when the batch is sent. */
function forCommand(operations: CompiledOperations, command: number): CompiledOperations {
  for (const { close = [], ensure = [], open = [] } of Object.values(operations)) {
    for (const list of [close, ensure, open]) for (const row of list) row.c = command;
  }
  return operations;
}

/** A PostgreSQL array literal: `text[]` inside `text[]` would have to be rectangular. */
function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
