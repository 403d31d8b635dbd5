import { afterAll, beforeAll } from 'vitest';
import type { Agent } from '../../agents/index.ts';
import { startRig } from './crash-rig.ts';
import type { CrashRig } from './crash-rig.ts';
import type { TestDatabase } from './with-database.ts';

/** One rig with a running worker for all tests of a file. Call after `withDatabase`. */
export function withRig(database: TestDatabase, agents: readonly Agent[]): CrashRig {
  const rig = {} as { -readonly [K in keyof CrashRig]: CrashRig[K] };
  let close: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    Object.assign(rig, await startRig(database, (closer) => (close = closer)));
    await rig.startHere(agents);
  });
  afterAll(() => close());
  return rig;
}
