import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ProcessStuckError } from './stack-errors.ts';

const run = promisify(execFile);

/**
 * When a living process began, as text to compare with what was recorded; undefined if it is gone or a zombie.
 * A number alone names nobody for long: process ids are used again, in containers within seconds.
 *
 * On Linux boot id and clock ticks from /proc, because the date that `ps` prints is derived from a clock that gets
 * corrected (and slim images have no `ps`); elsewhere the date of `ps`. The same text as in temporal-dev.sh.
 */
export async function readProcessStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (stat === undefined) return undefined;
    // The command name in parentheses may hold spaces and parentheses itself: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${bootId.trim()}:${fields[19] ?? ''}`;
  }
  const words = (await ps(pid, 'stat=', 'lstart=')).split(/\s+/).filter((word) => word !== '');
  const [state, ...start] = words;
  return state === undefined || state.startsWith('Z') ? undefined : start.join(' ');
}

/** The command line of a process, words separated by spaces; empty if it is gone or may not be read. */
export async function readProcessCommand(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return words.replaceAll('\0', ' ').trim();
  }
  return (await ps(pid, 'command=')).trim();
}

/** True while the process that was recorded with this start time lives. */
export async function isSameProcess(pid: number, start: string): Promise<boolean> {
  return (await readProcessStart(pid)) === start;
}

/** Which process to end, and how. */
export interface EndProcessOptions {
  /** How to call it in an error. */
  readonly name: string;
  readonly pid: number;
  /** Its start time from {@link readProcessStart}; a process with another one is left alone. */
  readonly start: string;
  /** Signals in turn, each with the time in milliseconds to wait for the end before the next. */
  readonly signals: readonly (readonly [signal: NodeJS.Signals, waitMs: number])[];
}

/**
 * Ends exactly the process that was recorded and waits until it is gone; nothing happens if it already is.
 *
 * @throws ProcessStuckError if it outlives all signals.
 */
export async function endProcess(options: EndProcessOptions): Promise<void> {
  for (const [signal, waitMs] of options.signals) {
    if (!(await isSameProcess(options.pid, options.start))) return;
    signalIfThere(options.pid, signal);
    signalIfThere(options.pid, 'SIGCONT'); // one that was suspended sees no other signal before
    const deadline = performance.now() + waitMs;
    while (performance.now() < deadline) {
      if (!(await isSameProcess(options.pid, options.start))) return;
      await pause(20);
    }
  }
  throw new ProcessStuckError(options.name, options.pid);
}

/** Resolves after the time given. For polling what gives no notice: files and foreign processes. */
export async function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** True if an error of Node's own carries this code, for example `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

async function ps(pid: number, ...columns: string[]): Promise<string> {
  const format = columns.flatMap((column) => ['-o', column]);
  // The date's language follows the locale; a fixed one keeps it comparable between terminals.
  const result = await run('env', ['LC_ALL=C', 'ps', ...format, '-p', String(pid)]).catch(() => undefined);
  return result?.stdout ?? '';
}
