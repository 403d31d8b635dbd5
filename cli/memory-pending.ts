import type { Command } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { dim, oneLine, table } from './format.ts';
import { scopeOf, withScope } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

type Pending = Awaited<ReturnType<HoldfastClient['memory']['pending']>>[number];
type Decision = Awaited<ReturnType<HoldfastClient['memory']['approvePending']>>;

/** Registers `memory pending`, `approve` and `reject`. */
export function registerMemoryPending(memory: Command): void {
  explain(
    withScope(
      memory.command('pending').description('memories that agents would like to write, and that wait for a person'),
    )
      .option('--limit <n>', 'most items', wholeNumber(1), 200)
      .action((options: MemoryOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { limit } = options;
            const rows = await client.memory.pending({
              scope: scopeOf(run.config, options),
              ...(limit === undefined ? {} : { limit }),
            });
            if (rows.length === 0) run.output.say('No memory waits for a decision.');
            return { data: rows, text: pendingTable(rows) };
          }),
        ),
      ),
    {
      examples: ['memory pending --user ana'],
      json: '[{proposal, scope, agent, action, target, kind, subject, relation, value, text, confidence, trust, validFrom, validTo, expiresAt, source, position}]',
    },
  );
  for (const decision of ['approve', 'reject'] as const) {
    explain(
      memory
        .command(`${decision} <proposal>`)
        .description(decision === 'approve' ? 'write a memory that waits' : 'have a memory that waits not written')
        .requiredOption('--reason <text>', 'why')
        .option('--actor <name>', 'who decides (default: user:HOLDFAST_USER)')
        .action((proposal: string, options: { reason: string; actor?: string }, command: Command) =>
          runCommand(command, (run) =>
            run.withClient(async (client) => {
              const { reason, actor = `user:${run.config.user}` } = options;
              const decided = await (decision === 'approve'
                ? client.memory.approvePending(proposal, { actor, reason })
                : client.memory.rejectPending(proposal, { actor, reason }));
              return { data: decided, text: decisionText(decided) };
            }),
          ),
        ),
      {
        examples: [`memory ${decision} p-0a1b2c3d4e5f6071 --actor lead --reason "checked with Ana"`],
        json: '{proposal, decision, actor, reason, outcome: {outcome, id, text, reason} | null, position, applied}',
      },
    );
  }
}

function decisionText({ proposal, decision, actor, outcome, applied }: Decision): string {
  const what = decision === 'approve' ? 'approved' : 'rejected';
  const came = outcome === null ? '' : `; ${outcome.outcome}: ${oneLine(outcome.reason)}`;
  return `${proposal} was ${what} by ${oneLine(actor)}${applied ? '' : ' before'}${came}`;
}

function pendingTable(rows: readonly Pending[]): string {
  if (rows.length === 0) return '';
  return table(
    ['PROPOSAL', 'KIND', 'AGENT', 'POS', 'MEMORY'],
    rows.flatMap(({ proposal, kind, agent, action, position, text, source }) => [
      [proposal, kind, oneLine(agent), String(position), `${action}: ${shorten(oneLine(text), 200)}`],
      [
        ...['', '', '', ''],
        dim(
          `  from turn ${oneLine(source.turn)} of ${oneLine(source.thread)}: "${shorten(oneLine(source.quote), 100)}"`,
        ),
      ],
    ]),
  );
}
