/** What every {@link HoldfastError} is built from. */
export interface HoldfastErrorOptions {
  /** The next step for the reader: a command to run or a value to change. */
  readonly hint?: string;
  /** True where the same call may succeed later without a change. @default false */
  readonly retryable?: boolean;
  /** The error underneath, if there is one. */
  readonly cause?: unknown;
}

/**
 * Root of every error that Holdfast throws on purpose. Each room derives one class per failure that a caller can act on.
 * `code` is stable and meant for programs; `message` says what, what was expected and what was given; `hint` says what to do next.
 * HTTP statuses and exit codes are chosen at the edge (cli, console), never here.
 */
export class HoldfastError extends Error {
  /** Stable upper-case identifier, for example `EXPECTED_VERSION_CONFLICT`. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: HoldfastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }
}
