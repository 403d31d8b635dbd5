import type { Command } from 'commander';
import { dim, oneLine, plain } from './format.ts';
import { commandLine } from './invocation.ts';
import { CommandFailedError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `cancel`: ends a turn, wherever it is. */
export function registerCancel(program: Command): void {
  explain(
    program
      .command('cancel <turn>')
      .description('end a turn that is queued, runs or waits; its thread is free at once')
      .option('--actor <id>', 'who cancels (default: HOLDFAST_USER)')
      .option('--reason <text>', 'why, for the record')
      .action((turn: string, { actor, reason }: { actor?: string; reason?: string }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const outcome = await client.turns.cancel(turn, {
              actor: actor ?? run.config.user,
              ...(reason === undefined ? {} : { reason }),
            });
            const { status, code, detail } = outcome.turn;
            if (!outcome.applied) {
              const how = [status, code, detail].filter((part) => part !== null).join(', ');
              throw new CommandFailedError(
                'TURN_ENDED',
                `Turn "${turn}" had ended before: ${how}.`,
                `See it with \`${commandLine('threads', outcome.turn.thread)}\`.`,
                { data: outcome, text: '' },
              );
            }
            if (!outcome.told)
              run.output.say(dim('Temporal is out of reach; the sweeper ends the workflow later', process.stderr));
            return {
              data: outcome,
              text: `turn ${plain(turn)} cancelled by ${oneLine(code ?? '')}: ${oneLine(detail ?? '')}`,
            };
          }, turn),
        ),
      ),
    {
      examples: ['cancel refund-1', 'cancel refund-1 --reason "asked twice"'],
      json: '{applied, told, turn: {turn, thread, branch, agent, user, message, occurredAt, position, status, reply, steps, code, detail, waitingFor}}',
    },
  );
}
