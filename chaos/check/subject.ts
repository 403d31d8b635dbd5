import type { Operation } from '../history.ts';

/** What the shop of the run was really asked to pay. */
export interface Payment {
  readonly idempotencyKey: string;
  readonly amount: number;
}

/** What is checked: a log, by SQL, and what its clients and its shop say happened. */
export interface Subject {
  /** A statement as superuser, so that row-level security hides nothing. */
  readonly query: <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;
  /** Number of the tenant. */
  readonly tenant: number;
  /** Number of another tenant beside it. */
  readonly neighbour: number;
  readonly operations: readonly Operation[];
  readonly payments: readonly Payment[];
  /** Files that must hold nothing of the forgotten: Temporal's database, exports, logs of workers. */
  readonly files: readonly string[];
  /** Folders with exports of the log, and whose they are, as the command line calls it. */
  readonly exports: { readonly tenant: string; readonly folders: readonly string[] };
}

/** One thing that is not as it was promised. */
export interface Violation {
  readonly kind: 'lost' | 'duplicated' | 'partial' | 'other';
  /** In words. */
  readonly what: string;
  /** Turns, users, approvals or commands that it is about, to find them in the histories. */
  readonly about: readonly string[];
}

/** One of the published invariants: gives what breaks it. */
export type Invariant = (subject: Subject) => Promise<Violation[]>;

/** Name of the stream of a turn, as docs/eventstore.md has it. */
export function turnStream(turn: string): string {
  return `turn/${turn.replace(/[%/]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}

/** Gives a violation of the kind "other". */
export function wrong(what: string, ...about: readonly string[]): Violation {
  return { kind: 'other', what, about };
}

/** SQL that gives the name of every table with a tenant; more conditions may follow it, on `pg_class c`. */
export const tenantTables = `
  select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
  where c.relnamespace = 'holdfast'::regnamespace and c.relkind in ('r', 'p')`;

/** Makes the session one of the application, as a worker's is, for a tenant or for none, until its transaction or savepoint ends. */
export async function becomeApplication(query: Subject['query'], tenant: number | null): Promise<void> {
  await query('set local role holdfast_app');
  await query(`select set_config('holdfast.tenant', $1, true)`, [tenant === null ? '' : String(tenant)]);
}
