import { styleText } from 'node:util';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { ExitCode } from './exit-codes.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { asTyped } from './invocation.ts';

/** What a command gives back. */
export interface Answer {
  /** For programs: printed by `--json`. */
  readonly data: unknown;
  /** For people; nothing is printed for an empty text. */
  readonly text: string;
}

/** Thrown when a command ends badly and still has data to show, for example the decision that stands. */
export class CommandFailedError extends HoldfastError {
  readonly answer: Answer;
  constructor(code: string, message: string, hint: string, answer: Answer) {
    super(code, message, { hint });
    this.answer = answer;
  }
}

/** Thrown when arguments make no sense together; commander finds the rest. */
export class UsageError extends HoldfastError {
  constructor(message: string, hint: string) {
    super('USAGE', message, { hint });
  }
}

/** Where a command speaks: data on stdout, talk on stderr. */
export interface Output {
  readonly json: boolean;
  /** Prints a command's result. */
  answer(answer: Answer): void;
  /** Says something that is not the result. */
  say(line: string): void;
  /** Reports an error and gives the exit code for it. */
  fail(error: unknown): ExitCode;
}

/** Gives the output of one run of a command. */
export function createOutput({
  command,
  json,
  verbose,
}: {
  readonly command: string | null;
  readonly json: boolean;
  readonly verbose: boolean;
}): Output {
  const print = (text: string): void => {
    if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  };
  const printJson = (document: object): void => print(JSON.stringify({ command, ...document }));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  return {
    json,
    say,
    answer({ data, text }) {
      if (json) printJson({ ok: true, data });
      else print(text);
    },
    fail(thrown) {
      const error = toHoldfastError(thrown);
      const { code, message, hint } = error;
      if (json) {
        const data = error instanceof CommandFailedError ? { data: error.answer.data } : {};
        printJson({ ok: false, error: { code, message, hint: hint ?? null }, ...data });
      } else {
        if (error instanceof CommandFailedError) print(error.answer.text);
        say(`${red(code)}: ${asTyped(message)}`);
        if (hint !== undefined) say(`→ ${asTyped(hint)}`);
      }
      if (verbose) say(stackOf(thrown));
      return exitCodeOf(code);
    },
  };
}

/** Exit codes again, for those who have an output at hand. */
export { exitCodes };

const red = (text: string): string => styleText(['red', 'bold'], text, { stream: process.stderr });

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

const unreachable = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH']);

/** Names the failures of drivers that reach the command line as they are; everything else is a bug of ours. */
export function toHoldfastError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const message = messageOf(error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const store = (what: string, hint: string): HoldfastError =>
    new HoldfastError('STORE_UNAVAILABLE', what, { hint, cause: error });
  if (/^role "holdfast_\w+" does not exist$/.test(message)) {
    return new HoldfastError('SCHEMA_DRIFT', 'The database has not been set up for Holdfast yet.', {
      hint: 'Run `holdfast migrate`, then start again.',
      cause: error,
    });
  }
  if (typeof code === 'string') {
    if (unreachable.has(code) || /timeout exceeded when trying to connect/.test(message))
      return store(
        `PostgreSQL does not answer: ${message}`,
        'Start it, or correct DATABASE_URL; `holdfast doctor` tells more.',
      );
    // 28…: refused login; 3D000: no such database; 42501: may not become the role; 53300, 57P03: full or starting up.
    if (/^(28\w{3}|3D000|42501|53300|57P0[123]|08\w{3})$/.test(code))
      return store(
        `PostgreSQL refused the connection: ${message}`,
        'Correct DATABASE_URL, or run `holdfast migrate` with an admin URL.',
      );
  }
  if (/timeout exceeded when trying to connect|Connection terminated/.test(message))
    return store(
      `PostgreSQL does not answer: ${message}`,
      'Start it, or correct DATABASE_URL; `holdfast doctor` tells more.',
    );
  if (error instanceof Error && (error.name === 'ServiceError' || (typeof code === 'number' && 'details' in error))) {
    const cause = error.cause instanceof Error ? `${message}: ${error.cause.message}` : message;
    return new HoldfastError('TEMPORAL_UNAVAILABLE', `Temporal did not answer: ${cause}`, {
      hint: 'Check the server at TEMPORAL_ADDRESS (`holdfast doctor`), then try again.',
      cause: error,
    });
  }
  return new HoldfastError('UNEXPECTED', message, {
    hint: 'This is a bug of Holdfast. Run the command again with --verbose and report what it prints.',
    cause: error,
  });
}

/** The message of anything thrown; several failed addresses of one host become one line. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return [...new Set(error.errors.map((one) => messageOf(one)))].join('; ');
  return error instanceof Error ? error.message : String(error);
}
