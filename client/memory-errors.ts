import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when a thread's branch has no such summary. */
export class SummaryNotFoundError extends HoldfastError {
  constructor(summary: string, thread: string) {
    super('SUMMARY_NOT_FOUND', `Thread "${thread}" has no summary "${summary}" on this branch.`, {
      hint: `List them with \`holdfast summaries ${thread}\`.`,
    });
  }
}
