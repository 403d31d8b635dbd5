import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { CareTask } from '../fixtures/care-process.ts';

/** How an operation in a process of its own ended. */
export interface CareRun {
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Runs an export, import or verification in a process of its own. Throws with its output when it fails; not when it is killed. */
export async function runCare(task: CareTask, { heapMb }: { readonly heapMb?: number } = {}): Promise<CareRun> {
  const script = join(import.meta.dirname, '..', 'fixtures', 'care-process.ts');
  const limits = heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`];
  const child = spawn(process.execPath, [...limits, script, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const read = (chunk: Buffer): void => void (output += chunk.toString('utf8'));
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (exit, by) => resolve({ code: exit, signal: by }));
  });
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`${task.operation} ended with ${code ?? signal}:\n${output}`);
  return { signal, output };
}
