import { expect, test } from 'vitest';
import type { Sabotage } from '../../chaos/report.ts';
import { removeStackFolder } from '../../stack/private-folder.ts';
import { runChaos } from '../../chaos/run-chaos.ts';

/** Which invariant must break without the protection, and faults under which it does soon. */
const cases: readonly (readonly [sabotage: Sabotage, invariant: string, kills: number, faults: readonly string[]])[] = [
  ['lock', 'I3', 1, ['worker_kill']],
  ['dedupe', 'I11', 1, ['worker_kill', 'cut_after_commit']],
  ['fence', 'I13', 3, ['worker_kill', 'log_held']],
  ['transaction', 'I2', 3, ['postmaster_killed', 'backend_terminated']],
];

test.each(cases)(
  'without the protection "%s" a run fails by %s',
  { timeout: 240_000 },
  async (sabotage, invariant, kills, faults) => {
    const lines: string[] = [];
    const report = await runChaos({
      seed: 5,
      until: { kills },
      sabotage,
      faults,
      settleMs: 8_000,
      onProgress: (line) => lines.push(line),
    });
    if (report.folder !== null) await removeStackFolder(report.folder);
    const broken = report.invariants.filter(({ violations }) => violations.length > 0).map(({ id }) => id);
    expect(report.ok, lines.join('\n')).toBe(false);
    expect(broken, lines.join('\n')).toContain(invariant);
    expect(report.replay).toContain(`--sabotage ${sabotage}`);
  },
);
