import type { Random } from '../random.ts';
import type { Fault } from './fault.ts';
import { machineFaults } from './machine-faults.ts';
import { serverFaults } from './server-faults.ts';
import { wireFaults } from './wire-faults.ts';
import { workerFaults } from './worker-faults.ts';

/** Every fault there is. */
export const allFaults: readonly Fault[] = [...workerFaults, ...serverFaults, ...wireFaults, ...machineFaults];

/** Faults without end: each of them once, in an order of the seed's, then as chance has it by their shares. */
export function* planFaults(random: Random, faults: readonly Fault[] = allFaults): Generator<Fault, never> {
  yield* random.shuffle(faults);
  const total = faults.reduce((sum, { share }) => sum + share, 0);
  for (;;) {
    let left = random.next() * total;
    yield faults.find(({ share }) => (left -= share) <= 0) ?? random.pick(faults);
  }
}
