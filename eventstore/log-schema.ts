import { join } from 'node:path';
import type pg from 'pg';
import type { EventShape } from './event.ts';
import type { KeyWrapper } from './keys/key-wrapper.ts';
import type { PersonalFields } from './keys/personal-fields.ts';
import type { Upcasters } from './read/upcast.ts';
import type { Projection } from './views/view.ts';

/** Folder of the log's own migrations. Rooms with tables of their own add theirs. */
export const logMigrations = join(import.meta.dirname, 'migrations');

/** Data that is derived from personal texts and kept outside the views, in tables of the application's own. */
export interface DerivedData {
  /** In receipts. */
  readonly name: string;
  /**
   * Deletes what is about the subject and gives how many rows that were. Called after the views were rewritten, as the owner role, bound
   * to the tenant, in a transaction that holds the log's lock and the subject's keys.
   */
  clear(client: pg.ClientBase, forgotten: { readonly tenant: number; readonly subject: string }): Promise<number>;
}

/**
 * What an application puts into its log and how it is read: one value that `migrate`, `createEventStore`, rebuilds, consumers and
 * `verify` share, so that all of them mean the same thing by an event.
 */
export interface LogSchema<E extends EventShape> {
  /** Folders of numbered SQL files, in order; the log's own (`logMigrations`) first. */
  readonly migrationFolders: readonly string[];
  /** Folded inside every append, in the same transaction. */
  readonly projections: readonly Projection<E>[];
  /** How old versions of events become the current one. @default every type is at version 1 */
  readonly upcasters?: Upcasters<E>;
  /**
   * Fields that are encrypted before they reach SQL, in events that name a subject; see forgetSubject. Ids of subjects, names of streams,
   * ids, `meta` and `result` of commands are stored as they are: they must not hold personal text.
   * @default none
   */
  readonly personal?: PersonalFields<E>;
  /**
   * What is derived from personal texts and kept outside the views: a forget clears it, in the same transaction.
   * @default none
   */
  readonly derived?: readonly DerivedData[];
  /**
   * Opens the keys of personal fields; given by each process, not part of what a log is. Without it, writing or reading a personal
   * field throws KeyUnavailableError.
   */
  readonly keyWrapper?: KeyWrapper;
}
