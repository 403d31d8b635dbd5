import type { Command } from 'commander';
import { dim } from './format.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `worker`: works on turns until Ctrl-C. */
export function registerWorker(program: Command): void {
  explain(
    program
      .command('worker')
      .description('work on turns until Ctrl-C; as many as you like, anywhere (settings come from the environment)')
      .action((_options: object, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          // Loaded here: it brings Temporal's worker along, a second of loading that other commands need not pay.
          const { runWorker } = await import('../worker/run-worker.ts');
          const worker = await runWorker(config);
          const { taskQueue } = config.temporal;
          output.answer({
            data: { taskQueue, tenant: config.tenant },
            text: `worker ready: task queue ${taskQueue}, tenant ${config.tenant}`,
          });
          output.say(dim('Ctrl-C ends it after what it works on.', process.stderr));
          await worker.stopped;
          return undefined;
        }),
      ),
    { examples: ['worker'], json: '{taskQueue, tenant}, as soon as it is ready' },
  );
}
