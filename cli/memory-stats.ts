import type { Command } from 'commander';
import type { Moment } from '../client/index.ts';
import { explain, positionOrTime, runCommand } from './run-command.ts';

/** Registers `memory stats`: how often recall gave nothing. */
export function registerMemoryStats(memory: Command): void {
  explain(
    memory
      .command('stats')
      .description('how many steps searched memory, and for how many it gave nothing')
      .option('--at <position|time>', 'as it was at this position of the log, or at this time', positionOrTime)
      .action(({ at }: { at?: Moment }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { steps, empty } = await client.memory.stats(at === undefined ? {} : { at });
            const emptyShare = steps === 0 ? 0 : Math.round((1000 * empty) / steps) / 1000;
            return {
              data: { steps, empty, emptyShare },
              text: `${steps} steps, ${empty} without a memory (${(100 * emptyShare).toFixed(1)} %)`,
            };
          }),
        ),
      ),
    { examples: ['memory stats', 'memory stats --json'], json: '{steps, empty, emptyShare}' },
  );
}
