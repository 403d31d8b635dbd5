import type { Command } from 'commander';
import { Option } from 'commander';
import type { Config } from '../config/config.ts';
import { dim } from './format.ts';
import { UsageError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

interface WorkerCommandOptions {
  readonly queues?: Config['queues'];
  readonly makeCurrent?: boolean;
}

/** Registers `worker`: works on turns until Ctrl-C. */
export function registerWorker(program: Command): void {
  explain(
    program
      .command('worker')
      .description('work on turns until Ctrl-C; as many as you like, anywhere (settings come from the environment)')
      .addOption(
        new Option(
          '--queues <which>',
          'turns, what runs behind replies, or both (default: HOLDFAST_QUEUES, or all)',
        ).choices(['turns', 'background', 'all']),
      )
      .option('--make-current', 'start new turns on this version, where HOLDFAST_VERSIONING is on')
      .action((options: WorkerCommandOptions, command: Command) =>
        runCommand(command, async ({ config: settings, output }) => {
          const config = { ...settings, ...(options.queues === undefined ? {} : { queues: options.queues }) };
          if (options.makeCurrent === true && !config.versioning)
            throw new UsageError('--make-current needs versions.', 'Set HOLDFAST_VERSIONING=on (docs/deploys.md).');
          // Loaded here: it brings Temporal's worker along, a second of loading that other commands need not pay.
          const { runWorker } = await import('../worker/run-worker.ts');
          const worker = await runWorker(config);
          if (options.makeCurrent) {
            try {
              await worker.makeCurrent();
            } catch (error) {
              await worker.stop();
              throw error;
            }
          }
          const { taskQueue } = config.temporal;
          const version = worker.version?.buildId ?? null;
          output.answer({
            data: { taskQueue, tenant: config.tenant, queues: config.queues, version },
            text: `worker ready: task queue ${taskQueue}, tenant ${config.tenant}, ${described(config.queues)}${version === null ? '' : `, version ${version}`}`,
          });
          output.say(dim('Ctrl-C ends it after what it works on.', process.stderr));
          await worker.stopped;
          return undefined;
        }),
      ),
    {
      examples: ['worker', 'worker --queues turns', 'worker --make-current'],
      json: '{taskQueue, tenant, queues, version}, as soon as it is ready',
    },
  );
}

function described(queues: Config['queues']): string {
  return { all: 'turns and what runs behind replies', turns: 'turns only', background: 'behind replies only' }[queues];
}
