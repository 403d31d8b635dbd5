import { spawn } from 'node:child_process';
import { extname, join } from 'node:path';
import type { Invariant, Violation } from './subject.ts';
import { wrong } from './subject.ts';

/** I7: views are what a fresh fold of the log gives, and exports are what was written, as the public command `verify` says; run as anybody would run it. */
export const verifies: Invariant = async ({ exports: { tenant, folders } }) => {
  const runs = [['--all'], ...folders.map((folder) => ['--tenant', tenant, '--segments', folder])];
  const found: Violation[] = [];
  for (const args of runs) found.push(...(await verify(args)));
  return found;
};

async function verify(args: readonly string[]): Promise<Violation[]> {
  const { code, stdout, stderr } = await run(['verify', '--json', ...args]);
  const { data } = parse(stdout.trim().split('\n').at(-1) ?? '') ?? {};
  const tenants = data?.tenants ?? [];
  const problems = tenants.flatMap((report) => report.problems ?? []);
  if (problems.length > 0) return problems.map(({ check, what }) => wrong(`${check}: ${what}`));
  if (code !== 0) return [wrong(`\`verify\` ended with ${code}: ${stdout.slice(-500)} ${stderr.slice(-500)}`)];
  // One that looked at nothing found nothing.
  const looked = tenants.length > 0 && tenants.every(({ checks = [] }) => checks.some(({ checked }) => checked > 0));
  return looked
    ? []
    : [wrong(`\`verify ${args.join(' ')}\` looked at ${tenants.length} tenants and at nothing of theirs`)];
}

interface Answer {
  readonly data?: {
    readonly tenants?: readonly {
      readonly problems?: readonly { check: string; what: string }[];
      readonly checks?: readonly { name: string; checked: number }[];
    }[];
  };
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
