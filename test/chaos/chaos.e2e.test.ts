import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ChaosReport } from '../../chaos/report.ts';
import { allFaults } from '../../chaos/faults/plan.ts';
import { followUps, workKinds } from '../../chaos/history.ts';

const root = join(import.meta.dirname, '..', '..');

interface Document {
  readonly command: string;
  readonly ok: boolean;
  readonly data: ChaosReport;
  readonly error?: { readonly code: string };
}

/** Runs the command as a user would; gives its one line of JSON whatever its exit code. */
function chaos(args: readonly string[]): Promise<{ code: number; document: Document; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [join(root, 'cli', 'main.ts'), 'verify', '--chaos', '--json', ...args],
      { cwd: root, env: { PATH: process.env['PATH'], HOME: process.env['HOME'] }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code);
        try {
          resolve({ code, document: JSON.parse(stdout) as Document, stderr });
        } catch {
          reject(new Error(`No report (${code}): ${stdout.slice(-500)}\n${stderr.slice(-3_000)}`));
        }
      },
    );
  });
}

test(
  'every kind of fault lands while clients work: nothing lost, nothing twice, nothing half',
  { timeout: 400_000 },
  async () => {
    const { code, document, stderr } = await chaos(['--kills', '20', '--seed', '20260704']);
    const { data } = document;
    console.log(
      JSON.stringify({ command: 'verify --chaos', ok: data.ok, figures: data.figures, seconds: data.seconds }),
    );
    expect(data.complaints, stderr).toEqual([]);
    expect(data.invariants.map(({ id }) => id)).toEqual(Array.from({ length: 14 }, (_, i) => `I${i + 1}`));
    expect(data.invariants.flatMap(({ violations }) => violations)).toEqual([]);
    expect(data.figures).toMatchObject({ lost: 0, duplicated: 0, partial: 0, violations: 0 });
    expect(data.figures.kills).toBeGreaterThanOrEqual(20);
    expect(data.figures.retries).toBeGreaterThan(0);
    expect(data.figures.failed).toBe(0);
    // What this machine does not allow is said, and why.
    for (const { kind } of allFaults)
      if (!(kind in data.unavailable)) expect(data.figures.faults[kind], kind).toBeGreaterThan(0);
    for (const kind of [...workKinds, ...followUps]) expect(data.figures.work[kind], kind).toBeGreaterThan(0);
    expect({ code, ok: document.ok, folder: data.folder }).toEqual({ code: 0, ok: true, folder: null });
  },
);
