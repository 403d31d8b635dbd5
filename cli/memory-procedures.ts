import type { Command } from 'commander';
import type { ProcedureRow } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { oneLine, plain, table } from './format.ts';
import { scopeOf, withScope } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

interface RollbackOptions {
  readonly to: number;
  readonly reason: string;
  readonly actor?: string;
  readonly fork?: string;
}

const json =
  '{procedure, goal, scope, version, versions: [{version, status, text, steps, trust, validFrom, position, successes, failures, unknown, sources, rollback: {actor, reason, position}}]}';

/** Registers `memory procedures` and `memory rollback`. */
export function registerMemoryProcedures(memory: Command): void {
  explain(
    withScope(
      memory.command('procedures').description('how-tos with their versions, and what became of turns that used them'),
    ).action((options: MemoryOptions, command: Command) =>
      runCommand(command, (run) =>
        run.withClient(async (client) => {
          const { at } = options;
          const scope = scopeOf(run.config, options);
          const rows = await client.memory.procedures({ scope, ...(at === undefined ? {} : { at }) });
          if (rows.length === 0) run.output.say('There are no how-tos.');
          return { data: rows, text: rows.length === 0 ? '' : procedureTable(rows) };
        }),
      ),
    ),
    {
      examples: ['memory procedures --user ana', 'memory procedures --user ana --agent support --json'],
      json: `[${json}]`,
    },
  );
  explain(
    memory
      .command('rollback <procedure>')
      .description('have another version of a how-to stand, or none')
      .requiredOption('--to <version>', 'number of the version; 0 for none', wholeNumber(0))
      .option('--reason <text>', 'why', 'rolled back by hand')
      .option('--actor <id>', 'who says so (default: HOLDFAST_USER)')
      .option('--fork <fork>', 'in this fork only, as <thread>/<branch>')
      .action((procedure: string, { to, reason, actor, fork }: RollbackOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const row = await client.memory.rollbackProcedure({
              ...{ procedure, to, reason, actor: actor ?? `user:${run.config.user}` },
              ...(fork === undefined ? {} : { fork }),
            });
            return { data: row, text: procedureTable([row]) };
          }),
        ),
      ),
    { examples: ['memory rollback m-1f3870be274f6c49 --to 1 --reason "it skipped the check"'], json },
  );
}

function procedureTable(rows: readonly ProcedureRow[]): string {
  return table(
    ['PROCEDURE', 'VERSION', 'STATUS', 'OK', 'FAILED', 'UNKNOWN', 'TEXT'],
    rows.flatMap(({ procedure, versions }) =>
      versions.map(({ version, status, successes, failures, unknown, text }) => [
        plain(procedure),
        String(version),
        status.replace('_', ' '),
        ...[successes, failures, unknown].map(String),
        shorten(oneLine(text), 100),
      ]),
    ),
  );
}
