import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { HoldfastClient, Moment } from '../client/index.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/config.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { invocation } from './invocation.ts';
import { nearest } from './nearest.ts';
import type { Answer, Output } from './output.ts';
import { createOutput } from './output.ts';

/** What a command works with. */
export interface CommandRun {
  readonly output: Output;
  /** The settings. Throws CONFIG_INVALID when first asked for. */
  readonly config: Config;
  /**
   * Opens a client for one use.
   * @param wanted the thread, turn or approval the command is about: when it is unknown, the error suggests the nearest
   */
  withClient<T>(use: (client: HoldfastClient) => Promise<T>, wanted?: string): Promise<T>;
}

/** Runs a command's body: prints its answer or its error, and sets the exit code. */
export async function runCommand(
  command: Command,
  body: (run: CommandRun) => Promise<Answer | undefined>,
): Promise<void> {
  const { json = false, verbose = false } = command.optsWithGlobals<{ json?: boolean; verbose?: boolean }>();
  const output = createOutput({ command: nameOf(command), json, verbose });
  let config: Config | undefined;
  const run: CommandRun = {
    output,
    get config() {
      return (config ??= loadConfig());
    },
    async withClient(use, wanted) {
      // Loaded here: help and usage errors need not wait for the Temporal client.
      const { connect } = await import('./connect.ts');
      const client = await connect(run.config);
      try {
        return await use(client);
      } catch (error) {
        throw wanted === undefined ? error : await withSuggestion(client, wanted, error);
      } finally {
        await client.close();
      }
    },
  };
  try {
    const answer = await body(run);
    if (answer) output.answer(answer);
  } catch (error) {
    process.exitCode = output.fail(error);
  }
}

/** Name of a command with those above it: `memory search`. */
export function nameOf(command: Command): string {
  const above = command.parent;
  return above?.parent ? `${nameOf(above)} ${command.name()}` : command.name();
}

/** Adds examples, and what `--json` prints, to a command's help. */
export function explain(
  command: Command,
  { examples, json }: { readonly examples: readonly string[]; readonly json: string },
): Command {
  const lines = examples.map((example) => `  ${invocation} ${example}`);
  return command.addHelpText(
    'after',
    () => `\nExamples:\n${lines.join('\n')}\n\n--json prints in "data":\n  ${json}\n`,
  );
}

/** Parses an option that is a whole number from `least` on. */
export function wholeNumber(least: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && Number.isSafeInteger(number)) return number;
    throw new InvalidArgumentError(`Expected a whole number from ${least} on.`);
  };
}

/** Parses a moment of the log: a position, 0 for before the first event, or a time as ISO 8601; a time without a zone is local. */
export function positionOrTime(value: string): Moment {
  const moment = /^\d+$/.test(value) ? wholeNumber(0)(value) : timeOf(value);
  if (moment === undefined) {
    throw new InvalidArgumentError('Expected a position of the log, or a time such as 2026-05-30T18:00.');
  }
  return moment;
}

/** The time that an ISO 8601 text names, or undefined. */
export function timeOf(value: string): Date | undefined {
  const time = new Date(value);
  return /^\d{4}-\d{2}-\d{2}(T|$)/.test(value) && !Number.isNaN(time.getTime()) ? time : undefined;
}

async function withSuggestion(client: HoldfastClient, wanted: string, error: unknown): Promise<unknown> {
  if (!(error instanceof HoldfastError)) return error;
  const meant = nearest(wanted, await knownIds(client, error.code));
  if (meant === null) return error;
  const { code, message, hint, retryable } = error;
  return new HoldfastError(code, message, {
    hint: `Did you mean "${meant}"?${hint === undefined ? '' : ` ${hint}`}`,
    retryable,
    cause: error,
  });
}

async function knownIds(client: HoldfastClient, code: string): Promise<string[]> {
  if (code === 'APPROVAL_NOT_FOUND') return (await client.approvals.list()).map(({ approval }) => approval).reverse();
  if (code !== 'THREAD_NOT_FOUND' && code !== 'TURN_NOT_FOUND') return [];
  const threads = (await client.threads.list()).map(({ thread }) => thread);
  if (code === 'THREAD_NOT_FOUND') return threads;
  const turns: string[] = [];
  for (const thread of threads.slice(0, 30))
    turns.push(...(await client.turns.list({ thread })).map(({ turn }) => turn));
  return turns;
}
