import type pg from 'pg';
import type { EncodedCommand } from './encode-command.ts';
import type { CompiledOperations } from './view.ts';
import { joinOperations } from './view.ts';

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

interface BatchAnswer {
  readonly at: string | null;
  readonly firsts: readonly (number | null)[];
  readonly others: Readonly<Record<string, Outcome>>;
}

/**
 * Sends commands of one tenant in one statement, which is one transaction; gives one outcome each. A refused command
 * changes nothing and leaves the others alone.
 */
export async function appendBatch(
  client: Pick<pg.ClientBase, 'query'>,
  tenant: number,
  viewsVersion: string,
  commands: readonly FoldedCommand[],
): Promise<Outcome[]> {
  const { rows } = await client.query<{ answer: BatchAnswer }>({
    name: 'holdfast_append',
    text: `select holdfast.append_commands($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
      $20, $21, $22, $23, $24, $25, $26) as answer`,
    values: parameters(tenant, viewsVersion, commands),
  });
  const answer = rows[0]?.answer;
  if (!answer) throw new Error('The append function gave no answer.');
  return commands.map((_, index) => {
    const other = answer.others[String(index + 1)];
    if (other) return other;
    const first = answer.firsts[index];
    if (first === undefined || first === null || answer.at === null) {
      throw new Error('The append function gave no outcome for a command.');
    }
    return { outcome: 'accepted', first, at: answer.at };
  });
}

/** The arguments of append_commands (migrations/0001-log.sql), which says what each array holds. */
function parameters(tenant: number, viewsVersion: string, commands: readonly FoldedCommand[]): unknown[] {
  const names = new Map<string, number>();
  const touches: { command: number; stream: number; expect: number; seal: boolean; added: number }[] = [];
  const eventTouches: number[] = [];
  const events = commands.flatMap((command, index) => {
    const before = touches.length;
    for (const { stream, ...touch } of command.touches) {
      const number = names.get(stream) ?? names.size + 1;
      names.set(stream, number);
      touches.push({ command: index + 1, stream: number, ...touch });
    }
    for (const { touch } of command.events) eventTouches.push(before + touch + 1);
    return command.events;
  });
  const operations = joinOperations(commands.map(({ operations: own }, index) => forCommand(own, index)));
  return [
    tenant,
    viewsVersion,
    commands.map(({ id }) => id),
    commands.map(({ hash }) => hash),
    commands.map(({ digest }) => digest),
    commands.map((command) => command.events.length),
    commands.map(({ bytes }) => bytes),
    commands.map(({ readAt }) => readAt),
    commands.map(({ meta }) => meta),
    commands.map(({ result }) => result),
    [...names.keys()],
    touches.map(({ command }) => command),
    touches.map(({ stream }) => stream),
    touches.map(({ expect }) => expect),
    touches.map(({ seal }) => seal),
    touches.map(({ added }) => added),
    eventTouches,
    events.map(({ ordinal }) => ordinal),
    events.map(({ type }) => type),
    events.map(({ schemaVersion }) => schemaVersion),
    events.map(({ subjects }) => (subjects.length === 0 ? null : arrayLiteral(subjects))),
    events.map(({ data }) => data),
    commands.flatMap(({ keys }, index) => keys.map(() => index + 1)),
    commands.flatMap(({ keys }) => keys.map(([subject]) => subject)),
    commands.flatMap(({ keys }) => keys.map(([, no]) => no)),
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
