/**
 * holdfast/eventstore: an append-only log per tenant in Postgres, generic over events. See docs/architecture.md.
 */
export { createEventStore } from './event-store.ts';
export type { EventStore, EventStoreOptions } from './event-store.ts';
export type { AppendOptions } from './append.ts';
export type {
  Command,
  EventShape,
  ExpectedVersion,
  NewEvent,
  Position,
  Receipt,
  StoredEvent,
  StreamExpectation,
} from './event.ts';
export type { CommandSelection, StoredCommand } from './read.ts';
export type { Fold, Folded, FoldStreamOptions } from './fold-stream.ts';
export type { ReadLogOptions } from './read-log.ts';
export type { ReadStreamOptions } from './read-stream.ts';
export { diffViews } from './diff-views.ts';
export type { DiffRow, DiffViewsOptions, ViewChange } from './diff-views.ts';
export { positionOf } from './position-at.ts';
export type { Moment } from './position-at.ts';
export { applicationRole, assertSafeRole, openPool, ownerRole } from './database.ts';
export type { DatabaseOptions } from './database.ts';
export { createTenant } from './create-tenant.ts';
export { dropTenant } from './drop-tenant.ts';
export type { DropTenantOptions, DropTenantReport } from './drop-tenant.ts';
export { listTenants } from './list-tenants.ts';
export type { TenantUsage } from './list-tenants.ts';
export { setQuota } from './set-quota.ts';
export type { Quota, SetQuotaOptions } from './set-quota.ts';
export { assertSchema, migrate } from './migrate.ts';
export {
  KeyUnavailableError,
  PersonalDataDamagedError,
  ProjectionLawError,
  UnknownSubjectError,
} from './errors-keys.ts';
export { createMasterKey, localKeyWrapper } from './key-wrapper.ts';
export type { KeyWrapper } from './key-wrapper.ts';
export type { PersonalFields, Tombstone } from './personal-fields.ts';
export { forgetSubject } from './forget-subject.ts';
export type { ForgetOptions } from './forget-subject.ts';
export type { ForgetReceipt, ForgottenCounts, SubjectForgotten } from './record-forget.ts';
export { rewrapKeys } from './rewrap-keys.ts';
export type { RewrapOptions } from './rewrap-keys.ts';
export { readForgottenAt } from './read-forgotten-at.ts';
export type { MigrateOptions, MigrateReport } from './migrate.ts';
export { rebuildViews } from './rebuild-views.ts';
export type { RebuildOptions, RebuildReport, RebuiltView } from './rebuild-views.ts';
export { describeProgress, progressLines } from './rebuild-progress.ts';
export type { RebuildProgress } from './rebuild-progress.ts';
export type { ViewDifference } from './compare-views.ts';
export type { ReadArchived } from './fold-shadow.ts';
export { HandOverBlockedError, RebuildRunningError, UnknownViewError } from './errors-rebuild.ts';
export { runConsumer } from './run-consumer.ts';
export type { ConsumerBatch, ConsumerOptions } from './run-consumer.ts';
export type { ConsumerWrites } from './commit-batch.ts';
export { createWakeUp } from './wake-up.ts';
export type { WakeUp, WakeUpOptions } from './wake-up.ts';
export { listConsumers } from './list-consumers.ts';
export type { ConsumerState, ListConsumersOptions, ParkedEvent } from './list-consumers.ts';
export { decideParked } from './decide-parked.ts';
export type { DecideParkedOptions } from './decide-parked.ts';
export { ConsumerLeaseLostError, InvalidConsumerError, ParkedEventNotFoundError } from './errors-consumer.ts';
export { logMigrations } from './log-schema.ts';
export type { DerivedData, LogSchema } from './log-schema.ts';
export type { Upcasters } from './upcast.ts';
export { cleanText, close, defineView, ensure, open, optional, replace, required } from './view.ts';
export type { Operation, Projection, View, ViewRow, ViewTable } from './view.ts';
export { readView } from './read-view.ts';
export type { ReadViewOptions } from './read-view.ts';
export { retryConnection } from './retry-connection.ts';
export { withTenant } from './with-tenant.ts';
export {
  CommandBodyDiffersError,
  ExpectedVersionConflictError,
  InvalidCommandError,
  LogNotDenseError,
  QuotaExceededError,
  SchemaDriftError,
  StoreUnavailableError,
  StreamSealedError,
  SubjectForgottenError,
  UnknownTenantError,
  UnsafeRoleError,
} from './errors.ts';
export {
  InvalidFoldError,
  InvalidReadError,
  LogArchivedError,
  StreamNotDenseError,
  UnknownSchemaVersionError,
  UpcastFailedError,
} from './errors-read.ts';
export type { UnreadableEvent } from './errors-read.ts';
export {
  StatementTimeoutError,
  StorageFullError,
  StoreOverloadedError,
  StoreReadOnlyError,
  StoreRefusedError,
} from './errors-store.ts';
export { exportLog } from './export-log.ts';
export type { ExportLogOptions, ExportReport } from './export-log.ts';
export { importLog } from './import-log.ts';
export type { ImportLogOptions, ImportReport } from './import-log.ts';
export { readSegments } from './read-segments.ts';
export type { ReadSegmentsOptions } from './read-segments.ts';
export { listTenants as listSegmentTenants } from './segment-folder.ts';
export type { LogProgress, OnLogProgress } from './log-progress.ts';
export {
  KeysMissingError,
  LogBusyError,
  LogDamagedError,
  LogNotEmptyError,
  SegmentDamagedError,
  SegmentFolderError,
  SegmentsDivergeError,
  SegmentsMissingError,
} from './errors-segments.ts';
export { InvalidTenantError, TenantTakenError } from './errors-tenant.ts';
export { verifyLog } from './verify-log.ts';
export type { VerifyLogOptions, VerifyReport } from './verify-log.ts';
export type { CheckName, LogProblem, VerifyCheck } from './findings.ts';
export { archiveLog } from './archive-log.ts';
export type { ArchiveLogOptions, ArchiveReport } from './archive-log.ts';
