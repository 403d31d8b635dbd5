import { HoldfastError } from '../errors/holdfast-error.ts';

/**
 * Thrown when personal fields must be read or written and the key that protects the subjects' keys is not at hand. Nothing is
 * shown as forgotten that is not, and nothing is stored in the clear.
 */
export class KeyUnavailableError extends HoldfastError {
  /** Which wrapping key is needed; null when none is configured. */
  readonly kekId: string | null;
  constructor(
    what: string,
    { kekId = null, cause }: { readonly kekId?: string | null; readonly cause?: unknown } = {},
  ) {
    super('KEY_UNAVAILABLE', what, {
      hint: 'Set HOLDFAST_MASTER_KEY (or HOLDFAST_MASTER_KEY_FILE) to the keys this database was written with, newest first; `holdfast keys create` makes one for a new database.',
      // A key service may answer later; a key that is not in our hands will not come by itself.
      retryable: cause !== undefined,
      cause,
    });
    this.kekId = kekId;
  }
}

/** Thrown when stored personal fields do not decrypt under their own key: the row was changed, or moved, behind Holdfast's back. */
export class PersonalDataDamagedError extends HoldfastError {
  constructor(stream: string, type: string, cause?: unknown) {
    super('PERSONAL_DATA_DAMAGED', `Personal fields of an event ${type} of stream "${stream}" cannot be decrypted.`, {
      hint: 'Run `holdfast verify` to see what was changed, and restore the log from a backup.',
      cause,
    });
  }
}

/** Thrown when the log knows nothing of a subject that is to be forgotten: most likely its name is mistyped. */
export class UnknownSubjectError extends HoldfastError {
  readonly subject: string;
  constructor(subject: string, tenant: string) {
    super('UNKNOWN_SUBJECT', `The log of tenant "${tenant}" has nothing about "${subject}"; nothing was forgotten.`, {
      hint: 'Subjects are matched letter by letter, with their prefix: the subject of user ana is "user:ana".',
    });
    this.subject = subject;
  }
}

/**
 * Thrown when a projection gives other operations for an event once it is forgotten, so that its rows could not be rewritten. Nothing was
 * changed. What a projection may do: give other values in columns that are no part of a key, and open fewer rows.
 */
export class ProjectionLawError extends HoldfastError {
  constructor(projection: string, type: string, what: string) {
    super('PROJECTION_LAW', `Projection "${projection}" cannot forget an event ${type}: ${what}.`, {
      hint: 'Keys must not depend on personal fields, and a forgotten event must close and ensure the same rows as before. Change the projection, then forget again.',
    });
  }
}
