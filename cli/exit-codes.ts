/** Exit codes of the command line. Stable: scripts may rely on them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  unreachable: 5,
  divergence: 6,
} as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const byErrorCode: Readonly<Record<string, ExitCode>> = {
  USAGE: exitCodes.usage,
  CONFIG_INVALID: exitCodes.usage,
  CONFIG_FILE_INVALID: exitCodes.usage,
  AGENT_INVALID: exitCodes.usage,
  INVALID_OFFSET: exitCodes.usage,
  INVALID_CONSOLIDATION: exitCodes.usage,
  CONSOLIDATION_NOT_FOUND: exitCodes.notFound,
  INVALID_ROLLBACK: exitCodes.usage,
  PROCEDURE_NOT_FOUND: exitCodes.notFound,
  INVALID_MESSAGES: exitCodes.usage,
  INVALID_TURN: exitCodes.usage,
  INVALID_FORK: exitCodes.usage,
  INVALID_RERUN: exitCodes.usage,
  BRANCH_NOT_FOUND: exitCodes.notFound,
  BRANCH_TAKEN: exitCodes.conflict,
  INVALID_DECISION: exitCodes.usage,
  INVALID_COMMAND: exitCodes.usage,
  INVALID_READ: exitCodes.usage,
  INVALID_MASTER_KEY: exitCodes.usage,
  KEY_UNAVAILABLE: exitCodes.usage,
  TURN_NOT_FOUND: exitCodes.notFound,
  THREAD_NOT_FOUND: exitCodes.notFound,
  SUMMARY_NOT_FOUND: exitCodes.notFound,
  MEMORY_NOT_FOUND: exitCodes.notFound,
  ENTITY_NOT_FOUND: exitCodes.notFound,
  MERGE_NOT_FOUND: exitCodes.notFound,
  INVALID_MERGE: exitCodes.usage,
  PROPOSAL_NOT_FOUND: exitCodes.notFound,
  PROPOSER_APPROVES: exitCodes.conflict,
  APPROVAL_NOT_FOUND: exitCodes.notFound,
  ALLOWANCE_NOT_FOUND: exitCodes.notFound,
  UNKNOWN_TENANT: exitCodes.notFound,
  UNKNOWN_SUBJECT: exitCodes.notFound,
  HISTORY_NOT_ARCHIVED: exitCodes.notFound,
  INVALID_TENANT: exitCodes.usage,
  TENANT_TAKEN: exitCodes.conflict,
  TURN_ID_TAKEN: exitCodes.conflict,
  ALREADY_DECIDED: exitCodes.conflict,
  TURN_ENDED: exitCodes.conflict,
  INVALID_SCHEDULE: exitCodes.usage,
  SCHEDULE_TAKEN: exitCodes.conflict,
  SCHEDULE_NOT_FOUND: exitCodes.notFound,
  THREAD_BUSY: exitCodes.conflict,
  EXPECTED_VERSION_CONFLICT: exitCodes.conflict,
  BLOCK_CONFLICT: exitCodes.conflict,
  INVALID_BLOCK: exitCodes.usage,
  STREAM_SEALED: exitCodes.conflict,
  SUBJECT_FORGOTTEN: exitCodes.conflict,
  COMMAND_BODY_DIFFERS: exitCodes.conflict,
  STORE_UNAVAILABLE: exitCodes.unreachable,
  STORE_REFUSED: exitCodes.unreachable,
  STORE_READ_ONLY: exitCodes.unreachable,
  STORE_OVERLOADED: exitCodes.unreachable,
  STORAGE_FULL: exitCodes.unreachable,
  STATEMENT_TIMEOUT: exitCodes.unreachable,
  DEPLOYMENT_FAILED: exitCodes.unreachable,
  TEMPORAL_UNAVAILABLE: exitCodes.unreachable,
  NOT_CONNECTED: exitCodes.unreachable,
  MODEL_UNAVAILABLE: exitCodes.unreachable,
  REBUILD_RUNNING: exitCodes.conflict,
  HAND_OVER_BLOCKED: exitCodes.conflict,
  UNKNOWN_VIEW: exitCodes.notFound,
  LOG_NOT_EMPTY: exitCodes.conflict,
  LOG_BUSY: exitCodes.conflict,
  SEGMENTS_DIVERGE: exitCodes.conflict,
  CONSUMERS_BEHIND: exitCodes.conflict,
  SEGMENTS_MISSING: exitCodes.notFound,
  KEYS_MISSING: exitCodes.notFound,
  PARKED_EVENT_NOT_FOUND: exitCodes.notFound,
  INVALID_CONSUMER: exitCodes.usage,
  REPLAY_DIVERGED: exitCodes.divergence,
  VIEWS_DRIFTED: exitCodes.divergence,
};

/** The exit code for an error's code; 1 for every code without one of its own. */
export function exitCodeOf(errorCode: string): ExitCode {
  return byErrorCode[errorCode] ?? exitCodes.failed;
}

/** The part of `holdfast help` about exit codes. */
export const exitCodeHelp = `Exit codes:
  0  done
  1  failed
  2  bad usage or input
  3  not found
  4  conflict: somebody else was first
  5  PostgreSQL, Temporal or the model cannot be reached or does not serve
  6  divergence: a replay or a view does not match what was recorded`;
