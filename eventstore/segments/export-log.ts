import type pg from 'pg';
import type { Position } from '../event.ts';
import { exportKeys } from './export-keys.ts';
import { exportSegments } from './export-segments.ts';
import { findTenant } from '../tenants/find-tenant.ts';
import type { OnLogProgress } from './log-progress.ts';
import type { SegmentEntry } from './segment-folder.ts';

export interface ExportLogOptions {
  /** Sessions of the owner role: the application role may not read keys. */
  readonly pool: pg.Pool;
  readonly tenant: string;
  /** Where the segments go, each log in a folder of its own below. */
  readonly folder: string;
  /** A segment ends with the first command that brings it to this many events. @default 100000 */
  readonly segmentEvents?: number;
  /** Export no command that ends after this position. @default the head when the export starts */
  readonly upTo?: Position;
  /** Write the wrapped keys of subjects too: the copy then can be read where the master key is. @default false */
  readonly withKeys?: boolean;
  readonly onProgress?: OnLogProgress;
}

/** What an export wrote. */
export interface ExportReport {
  readonly tenant: string;
  /** Last position that the folder now holds. */
  readonly position: Position;
  /** Segments written now. */
  readonly segments: readonly SegmentEntry[];
  /** Keys of subjects in the folder, and how many of them with their wrapped key. */
  readonly keys: { readonly subjects: number; readonly wrapped: number };
}

/**
 * Copies a log into segment files: backup, archive and source of rebuilds in one. Goes on after the last whole segment in the folder,
 * so it may be killed and repeated, and later exports add what is new. Reads in short transactions while writers write; memory is
 * bounded by a page and the largest command.
 * Throws UnknownTenantError, SegmentsMissingError (archived events that the folder does not have), SegmentsDivergeError (the folder
 * belongs to another log), SegmentDamagedError, SegmentFolderError, LogDamagedError,
 * StoreUnavailableError.
 */
export async function exportLog(options: ExportLogOptions): Promise<ExportReport> {
  const { pool, tenant, folder, segmentEvents, upTo, onProgress, withKeys = false } = options;
  const log = { id: tenant, no: await findTenant(pool, tenant) };
  const { written, manifest } = await exportSegments({ pool, log, folder, segmentEvents, upTo, onProgress });
  return {
    tenant,
    position: manifest.segments.at(-1)?.to ?? 0,
    segments: written,
    keys: await exportKeys({ pool, log, folder, withKeys }),
  };
}
