import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TemporalStartFailedError } from './stack-errors.ts';

/** Where and how to get a Temporal server. */
export interface StartTemporalOptions {
  /** The `.holdfast` folder of a project. Database, log and record of the server are under `<dir>/temporal`. Claim it first. */
  readonly dir: string;
  /** A server that someone else runs: it is only checked that it answers, nothing is started. */
  readonly address?: string;
  /** How to reach `address` if it is more than a plain connection. @default no TLS, no key */
  readonly connection?: { readonly tls?: boolean; readonly apiKey?: string };
  /** Moves to a free one if occupied. @default 7233 */
  readonly port?: number;
  /** Moves to a free one if occupied. @default port + 1000 */
  readonly uiPort?: number;
  /** True for no web UI. @default false */
  readonly headless?: boolean;
  /** Receives one line about each thing that takes time or that one should know. */
  readonly onProgress: (line: string) => void;
}

/** A Temporal server that answers. */
export interface RunningTemporal {
  /** host:port for gRPC. */
  readonly address: string;
  readonly uiUrl: string | null;
  /** Null for a server that someone else runs. */
  readonly pid: number | null;
  /** Ends the server if a stack started it, this one or an earlier one that was killed; else does nothing. */
  stop(): Promise<void>;
}

/** One line of `temporal-dev.sh start --json`. */
interface ScriptReport {
  readonly address: string;
  readonly ui: string | null;
  readonly pid: number | null;
  readonly startedByUs: boolean;
  readonly starter: string | null;
}

/**
 * Starts the local Temporal server of a folder through `temporal-dev.sh`, or finds the one that already runs. The first
 * time ever this may take minutes, if the Temporal CLI has to be built. The server outlives this process.
 *
 * @throws TemporalStartFailedError when none can be started, or `address` does not answer within 5 s.
 */
export async function startTemporal(options: StartTemporalOptions): Promise<RunningTemporal> {
  const { address, dir, onProgress } = options;
  if (address !== undefined) {
    await checkAddress(address, options.connection ?? {});
    return { address, uiUrl: null, pid: null, stop: () => Promise.resolve() };
  }
  const folder = join(dir, 'temporal');
  const args = ['--dir', folder, '--json'];
  const start = ['start', ...args, '--starter', 'stack'];
  if (options.port !== undefined) start.push('--port', String(options.port));
  if (options.uiPort !== undefined) start.push('--ui-port', String(options.uiPort));
  if (options.headless === true) start.push('--headless');
  const report = JSON.parse(await runScript(start, onProgress)) as ScriptReport; // our own script's promise
  return {
    address: report.address,
    uiUrl: report.ui,
    pid: report.pid,
    stop: async () => {
      if (report.starter === 'stack') await runScript(['stop', ...args], onProgress);
    },
  };
}

async function runScript(args: readonly string[], onProgress: (line: string) => void): Promise<string> {
  const script = join(import.meta.dirname, '..', 'temporal-dev.sh');
  // Through bash by name, as an installed package may have lost the executable bit. Detached for the same reason as
  // all parts of a stack: Ctrl-C must not end them before the worker.
  const child = spawn('bash', [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    onProgress(line);
  });
  let result = '';
  child.stdout.on('data', (chunk: Buffer) => (result += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(
        new TemporalStartFailedError('Could not run bash, which temporal-dev.sh needs.', {
          hint: 'Install bash, or give the address of a Temporal server that runs elsewhere.',
          cause,
        }),
      ),
    );
    child.once('close', resolve);
  });
  if (code === 0) return result;
  const about = said.findIndex((line) => line.startsWith('temporal-dev: '));
  const message = said
    .slice(Math.max(about, 0))
    .join('\n')
    .replace(/^temporal-dev: /, '');
  throw new TemporalStartFailedError(`temporal-dev.sh ${args[0] ?? ''} failed: ${message}`, {
    hint: 'Run ./temporal-dev.sh yourself to see more, or give the address of a Temporal server that runs elsewhere.',
  });
}

async function checkAddress(address: string, connection: { tls?: boolean; apiKey?: string }): Promise<void> {
  // Loaded only here: the client takes a third of a second, which a local start need not pay.
  const { Connection } = await import('@temporalio/client');
  // Not Connection.connect: if that fails, its channel stays open and goes on trying.
  const connecting = Connection.lazy({ address, connectTimeout: 5_000, ...connection });
  try {
    // Includes a first call to the server, so a port that merely listens does not pass.
    await connecting.ensureConnected();
  } catch (cause) {
    throw new TemporalStartFailedError(`No Temporal server answers at ${address}.`, {
      hint: 'Start that server, correct the address, or leave it out to run one locally.',
      cause,
    });
  } finally {
    await connecting.close();
  }
}
