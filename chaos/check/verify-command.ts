import { spawn } from 'node:child_process';
import { extname, join } from 'node:path';
import type { Invariant } from './subject.ts';
import { wrong } from './subject.ts';

/** I7: views are what a fresh fold of the log gives, as the public command `verify` says; run as anybody would run it. */
export const verifies: Invariant = async () => {
  const { code, stdout, stderr } = await run(['verify', '--all', '--json']);
  if (code === 0) return [];
  const answer = parse(stdout.trim().split('\n').at(-1) ?? '');
  const problems = (answer?.data?.tenants ?? []).flatMap((report) => report.problems ?? []);
  if (problems.length === 0)
    return [wrong(`\`verify\` ended with ${code}: ${stdout.slice(-500)} ${stderr.slice(-500)}`)];
  return problems.map(({ check, what }) => wrong(`${check}: ${what}`));
};

interface Answer {
  readonly data?: { readonly tenants?: readonly { readonly problems?: readonly { check: string; what: string }[] }[] };
}

function parse(line: string): Answer | null {
  try {
    return JSON.parse(line) as Answer; // the command's documented answer
  } catch {
    return null;
  }
}

/** Runs the command line; it finds the database in the environment that this process was given. */
function run(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const main = join(import.meta.dirname, '..', '..', 'cli', `main${extname(import.meta.filename)}`);
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}
