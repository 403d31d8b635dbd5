import type { Command } from 'commander';
import { ThreadNotFoundError } from '../client/client-errors.ts';
import type { ThreadRow } from '../projections/threads/queries.ts';
import { oneLine, statusColour, table, time } from './format.ts';
import { shorten } from '../memory/text.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `threads`: all threads, or the turns of one. */
export function registerThreads(program: Command): void {
  explain(
    program
      .command('threads [thread]')
      .description('list threads, or the turns of one')
      .option('--branch <name>', 'only turns of this line of history')
      .action((thread: string | undefined, options: { branch?: string }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            if (thread === undefined) {
              const threads = await client.threads.list();
              if (threads.length === 0) run.output.say('There is no thread yet; `send` starts one.');
              return { data: threads, text: threads.length === 0 ? '' : threadTable(threads) };
            }
            const turns = await client.turns.list({ thread, ...options });
            if (turns.length === 0) throw new ThreadNotFoundError(thread);
            const allowed = await client.approvals.allowed({ thread });
            if (allowed.length > 0)
              run.output.say(
                `without asking: ${allowed.map(({ tool, actor }) => `${tool} (${oneLine(actor)})`).join(', ')}`,
              );
            return {
              data: turns,
              text: table(
                ['TURN', 'SAID', 'STATUS', 'STEPS', 'MESSAGE AND REPLY'],
                turns.flatMap((turn) => [
                  [
                    turn.turn,
                    time(turn.occurredAt),
                    statusColour(turn.status),
                    String(turn.steps),
                    `${oneLine(turn.user ?? 'user')}: ${shorten(oneLine(turn.message), 300)}`,
                  ],
                  ...(turn.reply === null && turn.code === null
                    ? []
                    : [['', '', '', '', `${oneLine(turn.agent)}: ${shorten(oneLine(endOf(turn)), 300)}`]]),
                ]),
              ),
            };
          }, thread),
        ),
      ),
    {
      examples: ['threads', 'threads demo'],
      json: '[{thread, agent, user, startedAt, turns, open, lastAt}]; of one thread [{turn, thread, branch, agent, user, message, occurredAt, position, status, reply, steps, code, detail}]',
    },
  );
}

function threadTable(threads: readonly ThreadRow[]): string {
  return table(
    ['THREAD', 'USER', 'AGENT', 'TURNS', 'OPEN', 'LAST TURN'],
    threads.map((row) => [
      oneLine(row.thread),
      oneLine(row.user ?? '—'),
      row.agent,
      String(row.turns),
      String(row.open),
      row.lastAt ? time(row.lastAt) : '—',
    ]),
  );
}

function endOf({ reply, code, detail }: { reply: string | null; code: string | null; detail: string | null }): string {
  return reply ?? [code, detail].filter((part) => part !== null).join(': ');
}
