import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';

const root = join(import.meta.dirname, '..', '..');

interface Line {
  readonly part?: number;
  readonly proof?: string;
  readonly rows?: readonly Record<string, unknown>[];
  readonly command?: string;
}

test('the demo does what it says, from an empty folder', { timeout: 180_000 }, async () => {
  const dir = await makeStackFolder();
  onTestFinished(() => removeStackFolder(dir));
  const { DATABASE_URL: _a, TEMPORAL_ADDRESS: _b, OPENAI_API_KEY: _c, OPENAI_BASE_URL: _d, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'cli', 'main.ts'), 'demo', '--json'], {
    cwd: root,
    env: { ...env, HOLDFAST_DIR: dir },
    maxBuffer: 16 * 1024 * 1024,
  });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  expect(lines.flatMap(({ part }) => part ?? [])).toEqual([1, 2, 3, 4]);
  const proofs = lines.filter(({ proof }) => proof !== undefined);
  expect(proofs.length).toBeGreaterThanOrEqual(7);
  for (const { proof, rows } of proofs) expect(rows?.length, proof).toBeGreaterThan(0);
  expect(lines.at(-1)).toMatchObject({
    command: 'demo',
    ok: true,
    figures: { turns: 9, kills: 3, lost: 0, duplicated: 0, partial: 0, approvals: 1, replayed: 3 },
  });
});
