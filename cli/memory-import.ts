import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ImportedMessage } from '../client/index.ts';
import { statusColour } from './format.ts';
import { scopeOf } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { UsageError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

interface ImportFlags extends Pick<MemoryOptions, 'user' | 'agent' | 'thread'> {
  readonly format: 'lines' | 'locomo' | 'longmemeval';
  readonly key?: string;
}

const everyMs = 2_000;

/** Registers `memory import`: past conversations with their times, in bulk. */
export function registerMemoryImport(memory: Command): void {
  explain(
    memory
      .command('import <file>')
      .description('remember past conversations with their times; repeat it after a kill')
      .addOption(
        new Option('--format <name>', 'what the file holds')
          .choices(['lines', 'locomo', 'longmemeval'])
          .default('lines'),
      )
      .option(
        '--key <name>',
        'names this import: what was written under it is passed over (default: the name of the file)',
      )
      .option('--user <id>', 'whose messages they are, where they do not say it (default: HOLDFAST_USER)')
      .option('--agent <name>', 'remembered for this agent only')
      .option('--thread <id>', 'remembered in this thread only')
      .action((file: string, flags: ImportFlags, command: Command) =>
        runCommand(command, async (run) => {
          const { config, output } = run;
          const { size } = await stat(file).catch(() => {
            throw new UsageError(`${file} cannot be read.`, 'Name a file that is there.');
          });
          const scope = scopeOf(config, flags);
          const key = flags.key ?? basename(file);
          const [{ readLines }, { readLocomo, readLongMemEval }] = await Promise.all([
            import('./memory-import/read-lines.ts'),
            import('./memory-import/read-benchmarks.ts'),
          ]);
          let bytes = 0;
          const open = (): AsyncIterable<ImportedMessage> => {
            if (flags.format === 'locomo') return readLocomo(file);
            if (flags.format === 'longmemeval') return readLongMemEval(file);
            return readLines(file, scope, (more) => (bytes += more));
          };
          return run.withClient(async (client) => {
            const began = performance.now();
            let last = began;
            const { stored, known } = await client.memory.import(open(), {
              idempotencyKey: key,
              scope,
              onProgress: (progress) => {
                if (performance.now() - last < everyMs) return;
                last = performance.now();
                const share =
                  bytes === 0 || size === 0 ? '' : ` (${Math.floor((bytes / size) * 100)} % of the file read)`;
                output.say(`${progress.stored} messages stored, ${progress.known} were there${share}`);
              },
            });
            const seconds = (performance.now() - began) / 1_000;
            const perSecond = Math.round(stored / seconds);
            return {
              data: { file, key, stored, known, seconds: Number(seconds.toFixed(3)) },
              text: `${statusColour('ok')} ${stored} messages stored${stored > 0 ? ` (${perSecond} a second)` : ''}, ${known} were there`,
            };
          });
        }),
      ),
    {
      examples: ['memory import talks.jsonl --user ana', 'memory import locomo10.json --format locomo --key locomo-1'],
      json: '{file, key, stored, known, seconds}',
    },
  );
}
