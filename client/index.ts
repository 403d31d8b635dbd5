/** holdfast/client: start turns, decide approvals, read memory and checkpoints. */
export { createClient } from './create-client.ts';
export type { ClientOptions, HoldfastClient } from './create-client.ts';
export { localKeyWrapper } from '../eventstore/index.ts';
export type { KeyWrapper } from '../eventstore/index.ts';
export type { CreateSchedule, ScheduleOutcome, ScheduleTimes } from './schedules.ts';
export type { WhenBusy } from './when-busy.ts';
export type { CancelOutcome, CancelTurn } from './cancel-turn.ts';
export type { SendTurn, TurnResult, WaitOptions } from './send-turn.ts';
export type { TellOptions } from './tell-within.ts';
export type { StreamOptions } from './stream-turn.ts';
export type { TurnStreamItem } from './tell-turn.ts';
export { createStreamHub } from '../projections/streaming/hub.ts';
export type { StreamHub } from '../projections/streaming/hub.ts';
export type { ForgetUser } from './forget-user.ts';
export type { ForgetReceipt } from '../eventstore/index.ts';
export type { ImportedMessage, ImportOptions, ImportProgress } from './import-messages.ts';
export type { RememberedMessage, RememberOptions, RememberProgress, SaidMessage } from './remember.ts';
export type { AddDocumentOptions, DocumentReceipt, NewDocument, RemovedDocument } from './documents.ts';
export type { Citation, DocumentRow } from '../projections/documents/queries.ts';
export type { ExpandedSummary, SummaryFilter } from './summaries.ts';
export {
  ExtractionRunningError,
  InvalidMemoryError,
  MemoryNotFoundError,
  ProposalNotFoundError,
  ProposerApprovesError,
  SummaryNotFoundError,
} from './memory-errors.ts';
export type { CorrectMemory, MemoryReceipt, RetractMemory, StoreMemory } from './change-memory.ts';
export type { ExtractedTurn, ExtractThread, ExtractWait } from './extract-thread.ts';
export type { AwaitingExtraction } from '../projections/threads/awaiting-extraction.ts';
export type { MemoryClient } from './memory.ts';
export type { ExplainedMemory, MemoryRef, TimelineItem, TimelineRequest } from './memory-record.ts';
export type { BlockRef, BlockVersion } from './block-history.ts';
export type { Consolidate } from './consolidate.ts';
export type { ScrubClass, ScrubPolicy } from '../scrub/scrub.ts';
export type { ProcedureRow, ProcedureVersionRow, RollbackProcedure } from './procedures.ts';
export { InvalidRollbackError, ProcedureNotFoundError } from './procedure-errors.ts';
export type {
  EntitiesRequest,
  EntityRow,
  MemoryEntities,
  MergeEntities,
  MergeReceipt,
  SplitEntity,
} from './entities.ts';
export type { Entity, EntityRelation } from '../memory/entities/fold.ts';
export type { EntityKind } from '../memory/entities/kinds.ts';
export type { NameLink } from '../memory/entities/names.ts';
export type { MergeRow } from '../projections/entities/queries.ts';
export { EntityNotFoundError, InvalidMergeError, MergeNotFoundError } from './entity-errors.ts';
export type { MemoryCare } from './memory-care.ts';
export type { DecidedBy, PendingDecision, PendingMemories } from './pending.ts';
export type { PendingRow, ProposalDecisionRow } from '../projections/proposals/queries.ts';
export type { ConsolidationRow, SessionRow } from '../projections/care/queries.ts';
export type { MemorySearch } from './search-memory.ts';
export type { RecallPolicy } from '../memory/recall/policy.ts';
export type { RecallStats } from '../projections/search/queries.ts';
export type { WhyNot, WhyNotReason } from '../projections/search/why-not.ts';
export type { BlockEdit } from './edit-block.ts';
export type { BranchDiff, BranchDiffRequest, StepDiff, TurnDiff } from './diff-branches.ts';
export type { Fork, ForkRequest } from './fork-branch.ts';
export type { ForkBlock, ForkChange, ForkFact, ForkToolResult } from './fork-changes.ts';
export type { ForkPoint } from './fork-point.ts';
export type { DecisionResult } from './decide-all.ts';
export type { RevokeAllowance } from './revoke-allowance.ts';
export type { ModelOptions, ModelOptionsChange, ReasoningEffort } from '../memory/model-options.ts';
export type { Rerun, RerunChange, RerunReply, RerunRequest } from './rerun-step.ts';
export { BranchNotFoundError, BranchTakenError, InvalidForkError, InvalidRerunError } from './fork-errors.ts';
export type { ApprovalDecision, DecisionOutcome } from './decide-approval.ts';
export type { ExplainedItem, ExplainedStep, ExplainedTurn } from './explain-turn.ts';
export type { DiffRow, Moment, ViewChange } from '../eventstore/index.ts';
export type { MemoryDiff, MemoryDiffRequest, ViewDiff } from './diff-memory.ts';
export type { Checkpoint, StatePoint, ThreadState } from './inspect-state.ts';
export {
  AllowanceNotFoundError,
  AlreadySteeredError,
  ApprovalNotFoundError,
  BlockConflictError,
  ConsolidationNotFoundError,
  ConsolidationRunningError,
  DocumentBusyError,
  DocumentDiffersError,
  HistoryNotArchivedError,
  InvalidBlockError,
  InvalidConsolidationError,
  InvalidDecisionError,
  InvalidDocumentError,
  InvalidMessagesError,
  MessagesDifferError,
  InvalidOffsetError,
  InvalidScrubPolicyError,
  InvalidScheduleError,
  InvalidTurnError,
  StreamTimeoutError,
  ScheduleNotKnownError,
  ScheduleTakenError,
  TemporalUnavailableError,
  ThreadBusyError,
  ThreadNotFoundError,
  TurnIdTakenError,
  TurnNotFoundError,
} from './client-errors.ts';
export { HoldfastError } from '../errors/holdfast-error.ts';
export {
  InvalidReadError,
  KeyUnavailableError,
  QuotaExceededError,
  SchemaDriftError,
  StatementTimeoutError,
  StorageFullError,
  StoreOverloadedError,
  StoreReadOnlyError,
  StoreRefusedError,
  StoreUnavailableError,
  SubjectForgottenError,
  UnknownSubjectError,
  UnknownTenantError,
  UnsafeRoleError,
} from '../eventstore/index.ts';
