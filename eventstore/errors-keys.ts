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
