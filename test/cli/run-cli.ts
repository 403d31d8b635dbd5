import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestDatabase } from '../support/with-database.ts';
import { testMasterKey } from '../support/test-schema.ts';
import type { TestWorker } from '../support/with-worker.ts';

const root = join(import.meta.dirname, '..', '..');

/** How a run of the command line ended. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `--json` printed. */
export interface CliDocument {
  readonly command: string | null;
  readonly ok: boolean;
  readonly data: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
}

export interface CliOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Environment that names the servers of a test file. */
export function cliEnvironment(database: TestDatabase, worker?: TestWorker): Record<string, string> {
  return {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('servers').temporalAddress,
    HOLDFAST_USER: 'ana',
    HOLDFAST_MASTER_KEY: testMasterKey,
    ...(worker ? { HOLDFAST_TASK_QUEUE: worker.taskQueue, HOLDFAST_LLM_BASE_URL: worker.modelUrl } : {}),
  };
}

/** Starts the real command line; nothing of our own environment reaches it but what Node needs. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [join(root, 'cli', 'main.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], HOLDFAST_DIR: '/nonexistent/holdfast', ...env },
  });
}

/** Runs the real command line to its end. */
export async function runCli(args: readonly string[], { input = '', env = {} }: CliOptions = {}): Promise<CliRun> {
  const child = startCli(args, env);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  child.stdin?.end(input);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

/** Reads the one line that `--json` prints. */
export function documentOf({ stdout }: CliRun): CliDocument {
  const lines = stdout.trimEnd().split('\n');
  if (lines.length !== 1) throw new Error(`Expected one line of JSON, got ${lines.length}: ${stdout}`);
  return JSON.parse(lines[0] ?? '') as CliDocument;
}
