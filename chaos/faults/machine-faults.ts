import { answersAgain, landed, last, missed, within } from './fault.ts';
import type { Fault } from './fault.ts';
import { killWorker } from '../workers.ts';
import { workerCount } from './worker-faults.ts';

/** How far clocks jump, in milliseconds: a second set twice, a summer time, a machine that woke up, a clock that was never set. */
const jumps = [-1_000, 1_000, 60_000, -3_600_000, 3_600_000, -86_400_000];

/** Faults of the machine: its clock and its disk. */
export const machineFaults: readonly Fault[] = [
  {
    // There and back again: time of day runs backwards once either way.
    kind: 'clock_jump',
    share: 2,
    unavailable: ({ clock }) => (typeof clock === 'string' ? clock : null),
    inject: async ({ arena, clients, random }) => {
      const { clock } = arena;
      if (typeof clock === 'string') return missed;
      const jump = random.pick(jumps);
      try {
        await clock.set(jump);
        clients.demand('remember', 2);
        // What was begun by one clock and is taken over by another.
        const killed = random.next() < 0.5 && (await killWorker(random.pick(arena.workers.running())));
        await arena.workers.refill(workerCount);
        await last(1_000 + random.below(2_000));
        const [row] = await arena.query<{ ms: number }>(
          'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
        );
        return Math.abs((row?.ms ?? 0) - Date.now() - jump) < 500 ? landed(Number(killed)) : missed;
      } finally {
        await clock.set(0);
      }
    },
  },
  {
    // Statements fail; without room for its write-ahead log the server gives up and has to be started again.
    kind: 'disk_full',
    share: 1.5,
    unavailable: ({ postgres: { disk } }) => (typeof disk === 'string' ? disk : null),
    inject: async ({ arena, clients, random }) => {
      const { postgres } = arena;
      const { disk } = postgres;
      if (typeof disk === 'string') return missed;
      const before = (await postgres.said()).length;
      const struck = async () => (await postgres.said()).slice(before).includes('No space left on device');
      try {
        await disk.fill();
        clients.demand('remember', 4);
        if (!(await within(10_000, struck, 100))) return missed;
        await last(random.below(1_500));
        return landed();
      } finally {
        await disk.free();
        await postgres.start();
        await answersAgain(arena);
        await arena.workers.refill(workerCount);
      }
    },
  },
];
