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
