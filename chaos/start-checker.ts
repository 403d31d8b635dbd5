import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { childEnvironment } from '../config/config.ts';
import type { Arena } from './arena.ts';
import type { CheckAnswer, CheckInput } from './check/answer.ts';

/** Runs the checker in a process of its own. Throws when it gives no answer. */
export async function startChecker({ folder, masterKey, postgres }: Arena, input: CheckInput): Promise<CheckAnswer> {
  const file = join(folder, 'check.json');
  await writeFile(file, JSON.stringify(input));
  const main = join(import.meta.dirname, 'check', `main${extname(import.meta.filename)}`);
  const child = spawn(process.execPath, [main, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // For the public command that it runs; it opens nothing with the key itself.
    env: childEnvironment({
      HOLDFAST_DIR: folder,
      HOLDFAST_DATABASE_URL: postgres.adminUrl,
      HOLDFAST_ADMIN_DATABASE_URL: postgres.adminUrl,
      HOLDFAST_MASTER_KEY: masterKey,
    }),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`The checker ended with ${code}: ${stderr.slice(-2_000)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as CheckAnswer; // our own checker's promise
}
