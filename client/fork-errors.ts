import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when a branch is not in the thread. */
export class BranchNotFoundError extends HoldfastError {
  constructor(thread: string, branch: string) {
    super('BRANCH_NOT_FOUND', `Thread "${thread}" has no branch "${branch}".`, {
      hint: 'Fork one with `holdfast fork <thread> --at <turn>/<step>`.',
    });
  }
}

/** Thrown when a branch of that name is there and is another fork. The first stands. */
export class BranchTakenError extends HoldfastError {
  constructor(thread: string, branch: string) {
    super('BRANCH_TAKEN', `Thread "${thread}" has a branch "${branch}" already, and it is another fork.`, {
      hint: 'Give another name; repeat a name only to repeat the same fork.',
    });
  }
}

/** Thrown when a model call cannot be made again. Nothing was asked and nothing was stored. */
export class InvalidRerunError extends HoldfastError {
  constructor(message: string, hint: string) {
    super('INVALID_RERUN', message, { hint });
  }
}

/** Thrown when a fork cannot be made as it was asked for. Nothing was stored. */
export class InvalidForkError extends HoldfastError {
  constructor(message: string, hint: string) {
    super('INVALID_FORK', message, { hint });
  }
}
