/**
 * holdfast/eventstore: an append-only log per tenant in Postgres, generic over events. See docs/architecture.md.
 */
export { createEventStore } from './event-store.ts';
export type { EventStore, EventStoreOptions } from './event-store.ts';
export type { AppendOptions } from './append/append.ts';
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
export type { CommandSelection, StoredCommand } from './read/read.ts';
export type { Fold, Folded, FoldStreamOptions } from './read/fold-stream.ts';
export type { ReadLogOptions } from './read/read-log.ts';
export type { ReadStreamOptions } from './read/read-stream.ts';
export { diffViews } from './read/diff-views.ts';
export type { DiffRow, DiffViewsOptions, ViewChange } from './read/diff-views.ts';
export { positionOf } from './read/position-at.ts';
export type { Moment } from './read/position-at.ts';
export { applicationRole, assertSafeRole, openPool, ownerRole } from './database.ts';
export type { DatabaseOptions } from './database.ts';
export { findLoginRisk } from './find-login-risk.ts';
export type { LoginRisk } from './find-login-risk.ts';
export { createTenant } from './tenants/create-tenant.ts';
export { dropTenant } from './tenants/drop-tenant.ts';
export type { DropTenantOptions, DropTenantReport } from './tenants/drop-tenant.ts';
export { listTenants } from './tenants/list-tenants.ts';
export type { TenantUsage } from './tenants/list-tenants.ts';
export { setQuota } from './tenants/set-quota.ts';
export type { Quota, SetQuotaOptions } from './tenants/set-quota.ts';
export { assertSchema, migrate } from './migrate.ts';
export {
  KeyUnavailableError,
  PersonalDataDamagedError,
  ProjectionLawError,
  UnknownSubjectError,
} from './errors-keys.ts';
export { createMasterKey, localKeyWrapper } from './keys/key-wrapper.ts';
export type { KeyWrapper } from './keys/key-wrapper.ts';
export type { PersonalFields, Tombstone } from './keys/personal-fields.ts';
export { forgetSubject } from './keys/forget-subject.ts';
export type { ForgetOptions } from './keys/forget-subject.ts';
export type { ForgetReceipt, ForgottenCounts, SubjectForgotten } from './keys/record-forget.ts';
export { rewrapKeys } from './keys/rewrap-keys.ts';
export type { RewrapOptions } from './keys/rewrap-keys.ts';
export { readForgottenAt } from './keys/read-forgotten-at.ts';
export type { MigrateOptions, MigrateReport } from './migrate.ts';
export { rebuildViews } from './views/rebuild-views.ts';
export type { RebuildOptions, RebuildReport, RebuiltView } from './views/rebuild-views.ts';
export { describeProgress, progressLines } from './views/rebuild-progress.ts';
export type { RebuildProgress } from './views/rebuild-progress.ts';
export type { ViewDifference } from './views/compare-views.ts';
export type { ReadArchived } from './views/fold-shadow.ts';
export { HandOverBlockedError, RebuildRunningError, UnknownViewError } from './errors-rebuild.ts';
export { runConsumer } from './consumers/run-consumer.ts';
export type { ConsumerBatch, ConsumerOptions } from './consumers/run-consumer.ts';
export type { ConsumerWrites } from './consumers/commit-batch.ts';
export { createWakeUp } from './consumers/wake-up.ts';
export type { WakeUp, WakeUpOptions } from './consumers/wake-up.ts';
export { listConsumers } from './consumers/list-consumers.ts';
export type { ConsumerState, ListConsumersOptions, ParkedEvent } from './consumers/list-consumers.ts';
export { decideParked } from './consumers/decide-parked.ts';
export type { DecideParkedOptions } from './consumers/decide-parked.ts';
export { ConsumerLeaseLostError, InvalidConsumerError, ParkedEventNotFoundError } from './errors-consumer.ts';
export { logMigrations } from './log-schema.ts';
export type { DerivedData, LogSchema } from './log-schema.ts';
export type { Upcasters } from './read/upcast.ts';
export { cleanText, close, defineView, ensure, open, optional, replace, required } from './views/view.ts';
export type { Operation, Projection, View, ViewRow, ViewTable } from './views/view.ts';
export { readView } from './read/read-view.ts';
export type { ReadViewOptions } from './read/read-view.ts';
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
  ReadEndedError,
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
export { exportLog } from './segments/export-log.ts';
export type { ExportLogOptions, ExportReport } from './segments/export-log.ts';
export { importLog } from './segments/import-log.ts';
export type { ImportLogOptions, ImportReport } from './segments/import-log.ts';
export { readSegments } from './segments/read-segments.ts';
export type { ReadSegmentsOptions } from './segments/read-segments.ts';
export { listTenants as listSegmentTenants } from './segments/segment-folder.ts';
export type { LogProgress, OnLogProgress } from './segments/log-progress.ts';
export {
  ConsumersBehindError,
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
export { verifyLog } from './segments/verify-log.ts';
export type { VerifyLogOptions, VerifyReport } from './segments/verify-log.ts';
export type { CheckName, LogProblem, VerifyCheck } from './segments/findings.ts';
export { archiveLog } from './segments/archive-log.ts';
export type { ArchiveLogOptions, ArchiveReport } from './segments/archive-log.ts';
