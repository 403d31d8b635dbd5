import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when a thread's branch has no such summary. */
export class SummaryNotFoundError extends HoldfastError {
  constructor(summary: string, thread: string) {
    super('SUMMARY_NOT_FOUND', `Thread "${thread}" has no summary "${summary}" on this branch.`, {
      hint: `List them with \`holdfast summaries ${thread}\`.`,
    });
  }
}

/** Thrown when no memory of this id is seen from the scope, or none that holds where it is to be changed. */
export class MemoryNotFoundError extends HoldfastError {
  constructor(memory: string) {
    super('MEMORY_NOT_FOUND', `No memory "${memory}" is known in this scope.`, {
      hint: 'List them with their scopes: `holdfast memory list --json`, with `--past` for those that ended.',
    });
  }
}

/** Thrown when a memory of a kind of your own cannot be what it is to be. */
export class InvalidMemoryError extends HoldfastError {
  constructor(kind: string, problem: string) {
    super('INVALID_MEMORY', `A memory of kind "${kind}" cannot be stored: ${problem}.`, {
      hint: 'Give `memory.store` the kind, and data that fits its schema; to replace one, one of the same kind.',
    });
  }
}

/** Thrown when the turns of a thread were not all read in time. What was read stands, and the rest goes on. */
export class ExtractionRunningError extends HoldfastError {
  constructor(thread: string, cause: unknown) {
    super('EXTRACTION_RUNNING', `The extraction of thread "${thread}" has not ended.`, {
      hint: 'It goes on. Ask again, with a longer timeoutMs; `holdfast memory awaiting` lists what waits still.',
      cause,
    });
  }
}

/** Thrown when no memory of this id waits, or ever waited, for a decision; one of a forgotten user waits no more. */
export class ProposalNotFoundError extends HoldfastError {
  constructor(proposal: string) {
    super('PROPOSAL_NOT_FOUND', `No memory "${proposal}" waits for a decision in this tenant.`, {
      hint: 'List those that wait: `holdfast memory pending`.',
    });
  }
}

/** Thrown when somebody approves a memory that came from them: the agent, its turn, or the user who said it. It waits on. */
export class ProposerApprovesError extends HoldfastError {
  constructor(proposal: string, actor: string) {
    super('PROPOSER_APPROVES', `"${actor}" may not approve the memory "${proposal}", which came from there.`, {
      hint: 'Have somebody else approve it; anybody may reject it.',
    });
  }
}
