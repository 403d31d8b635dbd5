import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when no how-to has this id, or it has no such version. */
export class ProcedureNotFoundError extends HoldfastError {
  constructor(procedure: string, version?: number) {
    const what = version === undefined ? 'There is no' : `There is no version ${version} of a`;
    super('PROCEDURE_NOT_FOUND', `${what} how-to "${procedure.slice(0, 200)}" in this tenant.`, {
      hint: 'List them with `holdfast memory procedures`.',
    });
  }
}

/** Thrown when a rollback breaks a rule. Nothing happens. */
export class InvalidRollbackError extends HoldfastError {
  constructor(message: string) {
    super('INVALID_ROLLBACK', message, { hint: 'Correct the request; docs/memory.md says what a rollback is.' });
  }
}
