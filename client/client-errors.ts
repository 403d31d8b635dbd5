import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when a turn is not in the tenant's log. */
export class TurnNotFoundError extends HoldfastError {
  constructor(turn: string) {
    super('TURN_NOT_FOUND', `There is no turn "${turn}" in this tenant.`, {
      hint: 'List them with `holdfast threads <thread>`.',
    });
  }
}

/** Thrown when a thread has no turn in the tenant's log. */
export class ThreadNotFoundError extends HoldfastError {
  constructor(thread: string) {
    super('THREAD_NOT_FOUND', `There is no thread "${thread}" in this tenant.`, {
      hint: 'List them with `holdfast threads`.',
    });
  }
}

/** Thrown when an approval is not in the tenant's log. */
export class ApprovalNotFoundError extends HoldfastError {
  constructor(approval: string) {
    super('APPROVAL_NOT_FOUND', `There is no approval "${approval}" in this tenant.`, {
      hint: 'List them with `holdfast approvals ls`.',
    });
  }
}

/** Thrown when a tool is not allowed in a thread, so that there is nothing to revoke. */
export class AllowanceNotFoundError extends HoldfastError {
  constructor(thread: string, tool: string) {
    super('ALLOWANCE_NOT_FOUND', `Tool "${tool}" is not allowed in thread "${thread}": it asks as its policy says.`, {
      hint: 'List what is allowed with `holdfast approvals allowed`.',
    });
  }
}

/** Thrown when a thread has a turn that has not ended, for a message that would not wait (`whenBusy: 'reject'`). */
export class ThreadBusyError extends HoldfastError {
  /** The turn that has not ended. */
  readonly turn: string;
  constructor(thread: string, turn: string) {
    super('THREAD_BUSY', `Thread "${thread}" is busy: turn "${turn}" has not ended.`, {
      hint: `Wait for it, end it (\`holdfast cancel ${turn}\`), or send with whenBusy "queue".`,
      retryable: true,
    });
    this.turn = turn;
  }
}

/** Thrown when a schedule breaks a rule. Nothing fires. */
export class InvalidScheduleError extends HoldfastError {
  constructor(message: string, hint: string) {
    super('INVALID_SCHEDULE', message, { hint });
  }
}

/** Thrown when an id names another schedule already. The first one stands. */
export class ScheduleTakenError extends HoldfastError {
  constructor(schedule: string) {
    super('SCHEDULE_TAKEN', `Schedule "${schedule}" is there already, with another message, place or time.`, {
      hint: 'Delete it first (`holdfast schedules delete`), or use another id.',
    });
  }
}

/** Thrown when there is no such schedule in the tenant's log. */
export class ScheduleNotKnownError extends HoldfastError {
  constructor(schedule: string) {
    super('SCHEDULE_NOT_FOUND', `There is no schedule "${schedule}" in this tenant.`, {
      hint: 'List them with `holdfast schedules ls`.',
    });
  }
}

/** Thrown when a turn id was used before for another message. The first message stands. */
export class TurnIdTakenError extends HoldfastError {
  constructor(turn: string, thread: string) {
    super('TURN_ID_TAKEN', `Turn id "${turn}" is taken by another message in thread "${thread}".`, {
      hint: 'Use a new turn id for a new message; repeat an id only to repeat the same message.',
    });
  }
}

/** Thrown when a message that was put into a running turn (`whenBusy: 'steer'`) is sent as a turn of its own. It is not said twice. */
export class AlreadySteeredError extends HoldfastError {
  /** The turn that it was put into. */
  readonly turn: string;
  constructor(key: string, turn: string) {
    super('ALREADY_STEERED', `The message "${key}" was put into turn "${turn}".`, {
      hint: `Ask for the result of "${turn}", or send it again with whenBusy "steer".`,
    });
    this.turn = turn;
  }
}

/** Thrown when a message or an id breaks a rule before anything is stored. */
export class InvalidTurnError extends HoldfastError {
  constructor(message: string, hint: string) {
    super('INVALID_TURN', message, { hint });
  }
}

/** Thrown when a decision does not fit the approval: other arguments, or edited ones that break the schema. Nothing was decided. */
export class InvalidDecisionError extends HoldfastError {
  constructor(message: string, hint: string) {
    super('INVALID_DECISION', message, { hint });
  }
}

/** Thrown when Temporal cannot be reached. What was sent is in the log and is not lost. */
export class TemporalUnavailableError extends HoldfastError {
  constructor(what: string, cause: unknown) {
    super('TEMPORAL_UNAVAILABLE', `Temporal did not answer: ${what}`, {
      hint: 'Check the server at TEMPORAL_ADDRESS (`holdfast doctor`), then send the same turn id again.',
      retryable: true,
      cause,
    });
  }
}

/** Thrown when a turn has no archived history yet. */
export class HistoryNotArchivedError extends HoldfastError {
  constructor(turn: string) {
    super('HISTORY_NOT_ARCHIVED', `The history of turn "${turn}" is not in the log yet.`, {
      hint: 'A running worker archives it within a second of the end of extraction; try again then.',
      retryable: true,
    });
  }
}

/** Thrown when a block breaks its own limit or lacks what a new one needs. Nothing was changed. */
export class InvalidBlockError extends HoldfastError {
  constructor(message: string, hint: string) {
    super('INVALID_BLOCK', message, { hint });
  }
}

/** Thrown when a block is not what the edit expected: somebody changed it first. Nothing was changed. */
export class BlockConflictError extends HoldfastError {
  /** The value that stands; null when there is no such block. */
  readonly value: string | null;
  constructor(label: string, value: string | null) {
    super('BLOCK_CONFLICT', `Block "${label}" was changed by somebody else.`, {
      hint: 'Look at the value that stands, decide again, and edit with it as expectedValue.',
    });
    this.value = value;
  }
}

/** Thrown when a stream is asked to go on at an offset that no stream gave. */
export class InvalidOffsetError extends HoldfastError {
  constructor(given: string) {
    super('INVALID_OFFSET', `"${given.slice(0, 80)}" is not an offset of a stream.`, {
      hint: 'Give the `offset` of an item that was received, or none to begin at the beginning.',
    });
  }
}

/** Thrown when a stream's time is up before its turn has ended. The turn goes on. */
export class StreamTimeoutError extends HoldfastError {
  /** Where to go on. */
  readonly offset: string;
  constructor(turn: string, offset: string, timeoutMs: number) {
    super('STREAM_TIMEOUT', `Turn "${turn}" has not ended after ${timeoutMs} ms.`, {
      hint: 'The turn goes on: stream it again from the offset of this error.',
      retryable: true,
    });
    this.offset = offset;
  }
}

/** Thrown when messages to remember are not such. */
export class InvalidMessagesError extends HoldfastError {
  constructor(problem: string) {
    super('INVALID_MESSAGES', problem, {
      hint: 'Each message has a speaker, a text and, if it is given, a valid time; the idempotency key names the call.',
    });
  }
}

/** Thrown when messages are remembered under a key that was used for others. Those stand. */
export class MessagesDifferError extends HoldfastError {
  constructor(key: string) {
    super('MESSAGES_DIFFER', `Other messages were remembered under the key "${key.slice(0, 80)}".`, {
      hint: 'Use another idempotency key for other messages; repeat a call with the same ones.',
    });
  }
}

/** Thrown when a document cannot be remembered as it is. Nothing is stored. */
export class InvalidDocumentError extends HoldfastError {
  constructor(message: string) {
    super('INVALID_DOCUMENT', message, { hint: 'Correct the document; docs/documents.md says what one is.' });
  }
}

/** Thrown when an idempotency key stands for another text of the document already. The first one stands. */
export class DocumentDiffersError extends HoldfastError {
  constructor(source: string) {
    super('DOCUMENT_DIFFERS', `Another text of "${source}" was stored under this idempotency key.`, {
      hint: 'Use another idempotency key for another text; repeat a call with the same one.',
    });
  }
}

/** Thrown when others write the same document all the time. Some of its chunks may be there; the next version ends what it does not have. */
export class DocumentBusyError extends HoldfastError {
  constructor(source: string) {
    super('DOCUMENT_BUSY', `"${source}" is being written by others again and again.`, {
      hint: 'Repeat the call when they have come to an end.',
      retryable: true,
    });
  }
}

/** Thrown when no run of consolidation has this name: nothing was done by it. */
export class ConsolidationNotFoundError extends HoldfastError {
  constructor(run: string) {
    super('CONSOLIDATION_NOT_FOUND', `There is no run of consolidation "${run}" in this tenant.`, {
      hint: 'List them with `holdfast consolidate --list`.',
    });
  }
}

/** Thrown when a run of consolidation has not ended in time, or was ended from outside. What it did stands. */
export class ConsolidationRunningError extends HoldfastError {
  constructor(run: string, cause: unknown) {
    super('CONSOLIDATION_RUNNING', `The run of consolidation "${run}" has not come to its end yet.`, {
      hint: 'Ask for the same run again: it goes on where it is, and nothing is done twice.',
      retryable: true,
      cause,
    });
  }
}

/** Thrown when a run of consolidation, or its undo, breaks a rule. Nothing happens. */
export class InvalidConsolidationError extends HoldfastError {
  constructor(message: string) {
    super('INVALID_CONSOLIDATION', message, { hint: 'Correct the request; docs/memory.md says what a run is.' });
  }
}

/** Thrown when what is to be scrubbed is not said in a way that works: a misspelt class must not be a class that is missing. */
export class InvalidScrubPolicyError extends HoldfastError {
  constructor(problem: string) {
    super('INVALID_SCRUB_POLICY', `The client cannot scrub like this: ${problem}.`, {
      hint: 'Correct `scrub` of the client; docs/scrubbing.md lists what there is.',
    });
  }
}
