import type { Command } from 'commander';
import type { ConsolidationRow } from '../client/index.ts';
import { dim, oneLine, plain, table } from './format.ts';
import { UsageError } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

interface ConsolidateOptions {
  readonly user?: string;
  readonly run?: string;
  readonly undo?: string;
  readonly list?: boolean;
  readonly limit: number;
  readonly actor?: string;
}

/** Registers `consolidate`: merges, observes, summarises, learns and expires what is remembered of a user, and takes runs of that back. */
export function registerConsolidate(program: Command): void {
  explain(
    program
      .command('consolidate')
      .description(
        'merge near duplicates, derive observations, summarise sessions, learn playbooks, end what has expired',
      )
      .option('--user <id>', 'whose memories (default: HOLDFAST_USER)')
      .option('--run <name>', 'name of the run: the same name is the same run (default: a new one)')
      .option('--undo <run>', 'take a run back, as far as nothing has changed since')
      .option('--list', 'list the runs of the user, newest first')
      .option('--limit <n>', 'with --list: at most n', wholeNumber(1), 20)
      .option('--actor <id>', 'with --undo: who says so (default: HOLDFAST_USER)')
      .action((options: ConsolidateOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const user = options.user ?? run.config.user;
            if ([options.undo, options.list, options.run].filter((one) => one !== undefined).length > 1)
              throw new UsageError('--run, --undo and --list are three different things.', 'Give one of them.');
            if (options.list === true) {
              const runs = await client.memory.consolidations({ user, limit: options.limit });
              if (runs.length === 0) run.output.say(`There was no run for user ${user}.`);
              return { data: runs, text: runs.length === 0 ? '' : listText(runs) };
            }
            const data =
              options.undo === undefined
                ? await client.memory.consolidate({
                    scope: { user },
                    ...(options.run === undefined ? {} : { run: options.run }),
                  })
                : await client.memory.undoConsolidation(options.undo, {
                    actor: options.actor ?? `user:${run.config.user}`,
                  });
            return { data, text: runText(data) };
          }),
        ),
      ),
    {
      examples: ['consolidate --user ana', 'consolidate --list --user ana --json', 'consolidate --undo nightly-7'],
      json: '{run, scope, outcome, reason, counts: {merged, observed, unproven, expired, summarised, learnt, proven}, facts, problems, position, undone: {actor, restored, withdrawn, left: [{id, why}]}}; with --list, a list of these',
    },
  );
}

function runText(row: ConsolidationRow): string {
  const { run, reason, problems, undone } = row;
  if (undone) {
    return [
      `run ${plain(run)} was undone: ${undone.restored.length} restored, ${undone.withdrawn.length} withdrawn, ${undone.left.length} left`,
      ...undone.left.map(({ id, why }) => dim(`  left ${plain(id)}: ${why}`)),
    ].join('\n');
  }
  return [
    reason === null ? `run ${plain(run)}: ${countsText(row)}` : `run ${plain(run)} did nothing: ${reason}`,
    ...(problems.length > 0 ? [dim(`  without: ${problems.join(', ')}`)] : []),
  ].join('\n');
}

function countsText({ counts, facts }: ConsolidationRow): string {
  const done = Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${String(count)} ${name}`]));
  return `${done.length === 0 ? 'nothing to do' : done.join(', ')} (${facts} facts)`;
}

function listText(runs: readonly ConsolidationRow[]): string {
  return table(
    ['POS', 'RUN', 'OUTCOME', 'WHAT'],
    runs.map((row) => [
      String(row.position),
      oneLine(row.run),
      row.undone ? 'undone' : row.outcome,
      row.reason ?? countsText(row),
    ]),
  );
}
