import { createHash } from 'node:crypto';
import type { EventShape, StoredEvent } from '../event.ts';

/**
 * Views are tables whose every row carries the range of positions in which it held: `from_pos` (the event that opened it)
 * and `to_pos` (the event that closed it; null = still holds). So each view can be read as of any position.
 * A view is data: this file gives its TypeScript types and operations, view-sql.ts its tables and its apply function.
 */

/** SQL types a view column may have. `timestamptz` and `json` columns take and give strings and plain values. */
export type ColumnType =
  'text' | 'int' | 'bigint' | 'double precision' | 'boolean' | 'timestamptz' | 'jsonb' | 'text[]';

interface ColumnTypes {
  text: string;
  int: number;
  bigint: number;
  'double precision': number;
  boolean: boolean;
  timestamptz: Date;
  jsonb: unknown;
  'text[]': readonly string[];
}

/** A column: its SQL type, and whether it may be null. */
export interface Column<T extends ColumnType = ColumnType, N extends boolean = boolean> {
  readonly type: T;
  readonly nullable: N;
}

/** A column that always has a value. */
export function required<T extends ColumnType>(type: T): Column<T, false> {
  return { type, nullable: false };
}

/** A column that may be null. */
export function optional<T extends ColumnType>(type: T): Column<T, true> {
  return { type, nullable: true };
}

export type Columns = Readonly<Record<string, Column>>;

/** A row as queries see it, without the bookkeeping columns. */
export type ViewRow<C extends Columns> = {
  readonly [K in keyof C]: C[K] extends Column<infer T, infer N>
    ? ColumnTypes[T] | (N extends true ? null : never)
    : never;
};

/** A row with its bookkeeping columns: the shape of the table for Kysely. */
export type ViewTable<C extends Columns> = ViewRow<C> & {
  readonly tenant: number;
  readonly from_pos: number;
  readonly to_pos: number | null;
};

/** A view as data: its table, its key and its columns. */
export interface View<C extends Columns = Columns> {
  /** Table name in schema `holdfast`. */
  readonly name: string;
  /** Columns that identify a row; at most one row per key holds at any position. */
  readonly key: readonly string[];
  readonly columns: C;
  /** Extra SQL of the table: generated columns. @default none */
  readonly generated?: Readonly<Record<string, string>>;
  /** Extra indexes, each the text after `on <table>`. @default none */
  readonly indexes?: readonly string[];
}

/**
 * Declares a view; use `typeof view.columns` for its row type. Throws when the name leaves no room for those of its indexes, or is
 * one that rebuilds give to tables.
 */
export function defineView<const C extends Columns>(
  view: View<C> & { readonly key: readonly (keyof C & string)[] },
): View<C> {
  if (!/^[a-z][a-z0-9_]{0,44}$/.test(view.name) || /__(next|old)$/.test(view.name)) {
    throw new Error(
      `A view cannot be called "${view.name}": expected 1 to 45 lower-case letters, digits and "_", not ending in "__next" or "__old".`,
    );
  }
  return view;
}

/** One change of one view by one event. */
export interface Operation {
  readonly view: string;
  readonly op: 'open' | 'ensure' | 'close';
  readonly key: string;
  readonly row: Readonly<Record<string, unknown>>;
}

function operation<C extends Columns>(
  op: Operation['op'],
  view: View<C>,
  row: Readonly<Record<string, unknown>>,
): Operation {
  const key = JSON.stringify(view.key.map((column) => clean(row[column])));
  return { view: view.name, op, key, row: clean(row) as Readonly<Record<string, unknown>> };
}

/** Starts a row at this event. There must be none of its key. */
export function open<C extends Columns>(view: View<C>, row: ViewRow<C>): Operation[] {
  return [operation('open', view, row)];
}

/** Starts a row at this event unless one of its key holds already. */
export function ensure<C extends Columns>(view: View<C>, row: ViewRow<C>): Operation[] {
  return [operation('ensure', view, row)];
}

/** Ends the row of this key at this event, if one holds. */
export function close<C extends Columns, K extends keyof C>(view: View<C>, key: Pick<ViewRow<C>, K>): Operation[] {
  return [operation('close', view, key)];
}

/** Ends the row of the same key, if one holds, and starts this one. */
export function replace<C extends Columns>(view: View<C>, row: ViewRow<C>): Operation[] {
  return [operation('close', view, row), operation('open', view, row)];
}

/** A pure fold from events to view rows: no reads, no clock, no randomness. */
export interface Projection<E extends EventShape> {
  readonly name: string;
  /** Raise it when `project` changes its meaning: the views are then rebuilt by `migrate`. */
  readonly version: number;
  readonly views: readonly View[];
  project(event: StoredEvent<E>): readonly Operation[];
}

/** A row of compiled operations; `c` is the index of its command in the batch, places are relative to that command's first event. */
interface CompiledClose extends Record<string, unknown> {
  c: number;
  at: number;
}
interface CompiledRow extends Record<string, unknown> {
  c: number;
  from_at: number;
  to_at: number | null;
}

/** Operations of a run of events in the form that the apply function takes: per view what to close, ensure and open. */
export type CompiledOperations = Record<
  string,
  { close?: CompiledClose[]; ensure?: CompiledRow[]; open?: CompiledRow[] }
>;

/**
 * Compiles the operations of a run of events so that SQL can apply them set-wise: rows opened and closed inside the run
 * become rows with both ends; only the rest needs updates. However a log is cut into runs, the rows come out the same.
 * @param command index of the run's command in its batch @default 0
 */
export function compileOperations(
  perEvent: readonly (readonly Operation[])[],
  command = 0,
): { readonly operations: CompiledOperations; readonly keys: ReadonlySet<string> } {
  const compiled: CompiledOperations = {};
  const keys = new Set<string>();
  const holding = new Map<string, { readonly row: CompiledRow; readonly ensured: boolean }>();
  // Keys whose row from before the run is known to have ended.
  const ended = new Set<string>();
  perEvent.forEach((operations, offset) => {
    for (const { view, op, key, row } of operations) {
      const target = (compiled[view] ??= {});
      const id = `${view} ${key}`;
      keys.add(id);
      const held = holding.get(id);
      if (op === 'close') {
        if (held) {
          held.row.to_at = offset;
          holding.delete(id);
        }
        // An ensured row gives way to one from before the run, which then is the one that ends here.
        if ((!held || held.ensured) && !ended.has(id)) (target.close ??= []).push({ ...row, c: command, at: offset });
        ended.add(id);
        continue;
      }
      if (held) {
        if (op === 'ensure') continue;
        throw new Error(`View "${view}": a row of key ${key} is opened twice in one run of events.`);
      }
      const opened: CompiledRow = { ...row, c: command, from_at: offset, to_at: null };
      holding.set(id, { row: opened, ensured: op === 'ensure' });
      (target[op] ??= []).push(opened);
    }
  });
  return { operations: compiled, keys };
}

/** Joins the operations of commands that have no key in common, so that they can be applied in any order; null if there are none. */
export function joinOperations(parts: readonly CompiledOperations[]): CompiledOperations | null {
  const joined: CompiledOperations = {};
  for (const part of parts) {
    for (const [view, { close = [], ensure = [], open = [] }] of Object.entries(part)) {
      const target = (joined[view] ??= {});
      if (close.length > 0) (target.close ??= []).push(...close);
      if (ensure.length > 0) (target.ensure ??= []).push(...ensure);
      if (open.length > 0) (target.open ??= []).push(...open);
    }
  }
  return Object.keys(joined).length === 0 ? null : joined;
}

/** Identifies all view definitions together: what an append was folded with, and what the tables hold. */
export function viewsVersion<E extends EventShape>(projections: readonly Projection<E>[]): string {
  return textHash(
    JSON.stringify(projections.flatMap(({ version, views }) => views.map((view) => definitionHash(view, version)))),
  );
}

/** Identifies what a view's rows mean: its definition and the version of the projection that fills it. */
export function definitionHash(view: View, projectionVersion: number): string {
  return textHash(JSON.stringify([projectionVersion, view]));
}

/** A short digest by which generated SQL and definitions are told apart. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** A text as views hold it: U+FFFD stands for NUL and lone surrogates. */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** `jsonb` and `text` refuse NUL and lone surrogates, which models do produce. The log keeps them, as exact text. */
function clean(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object' && value !== null) {
    const cleaned: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(value)) {
      // Assigned, this name would change what the object is.
      if (name === '__proto__') Object.defineProperty(cleaned, name, { value: clean(inner), enumerable: true });
      else cleaned[cleanText(name)] = clean(inner);
    }
    return cleaned;
  }
  return value;
}
