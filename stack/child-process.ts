import { spawn } from 'node:child_process';
import { openLog, readSince, readTail } from './log-file.ts';
import { hasCode, pause } from './process-identity.ts';
import { ChildStartFailedError } from './stack-errors.ts';

/** How a child ended. */
export interface ChildExit {
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What to run, and how to know that it is ready. */
export interface StartChildOptions {
  /** How to call it in an error. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child. @default our own */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** @default our own */
  readonly cwd?: string;
  /** Takes stdout and stderr of the child, appended. */
  readonly logFile: string;
  /**
   * Ready when a line of this run's output matches, or when the function resolves; a function that rejects fails the
   * start. The signal fires when waiting is over for another reason.
   */
  readonly ready: RegExp | ((signal: AbortSignal) => Promise<void>);
  /** @default 30_000 */
  readonly readyTimeoutMs?: number;
  /** Called once when the child ends, for whatever reason, if it had become ready. */
  readonly onExit?: (exit: ChildExit) => void;
}

/** A running child. */
export interface Child {
  readonly pid: number;
  /** Resolves when the child has ended; never rejects. */
  readonly exited: Promise<ChildExit>;
  /** SIGTERM, then after `graceMs` (10_000 by default) SIGKILL; resolves when it has ended. */
  stop(options?: { readonly graceMs?: number }): Promise<ChildExit>;
  /** SIGKILL to the child and its group at once. */
  kill(): void;
}

/**
 * Starts a child process and resolves when it is ready. It gets its own process group, so that Ctrl-C in the terminal
 * reaches only us and we decide the order in which things stop; it therefore outlives us if we are killed.
 *
 * @throws ChildStartFailedError when it ends, or the time is over, before it is ready.
 */
export async function startChild(options: StartChildOptions): Promise<Child> {
  const log = await openLog(options.logFile);
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', log.handle.fd, log.handle.fd],
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let spawnError: Error | undefined;
  let ended: ChildExit | undefined;
  const exited = new Promise<ChildExit>((resolve) => {
    const settle = (exit: ChildExit): void => resolve((ended ??= exit));
    child.once('error', (error) => {
      // Also emitted when a signal cannot be sent; only without a process does it mean that none was started.
      if (child.pid !== undefined) return;
      spawnError = error;
      settle({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => {
      // What it started itself goes with it; now, because later the group's number may belong to someone else.
      if (child.pid !== undefined) killGroup(child.pid);
      settle({ code, signal });
    });
  });
  await log.handle.close();

  const { pid } = child;
  if (pid === undefined) {
    await exited;
    throw new ChildStartFailedError(`Could not run ${options.name}: ${options.command}`, options.logFile, {
      cause: spawnError,
    });
  }
  const running: Child = {
    pid,
    exited,
    stop: async ({ graceMs = 10_000 } = {}) => {
      const timer = setTimeout(() => killGroup(pid), graceMs);
      if (ended === undefined) child.kill('SIGTERM');
      return exited.finally(() => clearTimeout(timer));
    },
    kill: () => {
      if (ended === undefined) killGroup(pid);
    },
  };

  const failure = await waitUntilReady(options, log.offset, exited);
  if (failure !== undefined) {
    running.kill();
    await exited;
    const tail = await readTail(options.logFile, log.offset);
    throw new ChildStartFailedError(
      `${options.name} ${failure.message}.${tail === '' ? ' It wrote nothing.' : ` The end of its log:\n${tail}`}`,
      options.logFile,
      { cause: failure.cause },
    );
  }
  const { onExit } = options;
  if (onExit !== undefined) void exited.then(onExit);
  return running;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Empty, or (macOS) only zombies left in it.
    if (!hasCode(error, 'ESRCH') && !hasCode(error, 'EPERM')) throw error;
  }
}

async function waitUntilReady(
  options: StartChildOptions,
  offset: number,
  exited: Promise<ChildExit>,
): Promise<{ message: string; cause?: unknown } | undefined> {
  const { ready, readyTimeoutMs = 30_000 } = options;
  const over = new AbortController();
  const { promise: late, resolve: timeIsUp } = Promise.withResolvers<{ message: string }>();
  const timer = setTimeout(() => timeIsUp({ message: `was not ready after ${readyTimeoutMs} ms` }), readyTimeoutMs);
  const becameReady =
    ready instanceof RegExp ? waitForLine(options.logFile, offset, ready, over.signal) : ready(over.signal);
  try {
    return await Promise.race([
      late,
      exited.then(({ code, signal }) => ({
        message: `ended before it was ready (${signal === null ? `exit code ${code ?? 'unknown'}` : signal})`,
      })),
      becameReady.then(
        () => undefined,
        (cause: unknown) => ({ message: 'failed its readiness check', cause }),
      ),
    ]);
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

async function waitForLine(file: string, offset: number, pattern: RegExp, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const lines = (await readSince(file, offset)).split('\n');
    // The part after the last newline is a line still being written.
    if (lines.slice(0, -1).some((line) => new RegExp(pattern).test(line))) return;
    await pause(30);
  }
}
