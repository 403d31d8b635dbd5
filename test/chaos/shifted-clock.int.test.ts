import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { buildShiftedClock } from '../../chaos/shifted-clock.ts';

const clock = await buildShiftedClock();

test.skipIf(typeof clock === 'string')(
  'a running process lives by the clock; what measures how long something takes does not',
  async () => {
    if (typeof clock === 'string') return;
    const child = spawn(
      process.execPath,
      [
        '-e',
        `process.stdin.on('data', () => console.log(JSON.stringify({ now: Date.now(), passed: performance.now() })))`,
      ],
      { env: clock.environment, stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ask = async () => {
      child.stdin.write('?');
      return JSON.parse((await lines.next()).value as string) as { now: number; passed: number };
    };
    let passed = 0;
    for (const ms of [0, 3_600_000, -86_400_250, 999, 0]) {
      await clock.set(ms);
      const told = await ask();
      expect(Math.abs(told.now - Date.now() - ms)).toBeLessThan(200);
      expect(told.passed).toBeGreaterThan(passed);
      passed = told.passed;
    }
    child.stdin.end();
    await once(child, 'exit');
    await clock.remove();
    expect(existsSync(dirname(clock.environment['LD_PRELOAD'] ?? ''))).toBe(false);
  },
);
