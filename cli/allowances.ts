import type { Command } from 'commander';
import { oneLine, plain, table } from './format.ts';
import { explain, runCommand } from './run-command.ts';

const allowanceJson = '{thread, branch, tool, approval, actor, position}';

/** Registers `approvals allowed` and `approvals revoke`: what may run in a thread without asking. */
export function registerAllowances(approvals: Command): void {
  explain(
    approvals
      .command('allowed [thread]')
      .description('list the tools that may run in a thread without asking (`approve --remember`)')
      .action((thread: string | undefined, _options: object, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const rows = await client.approvals.allowed(thread === undefined ? {} : { thread });
            if (rows.length === 0) run.output.say('Every tool asks as its policy says.');
            const text =
              rows.length === 0
                ? ''
                : table(
                    ['THREAD', 'BRANCH', 'TOOL', 'ALLOWED BY', 'WITH'],
                    rows.map((row) => [
                      oneLine(row.thread),
                      oneLine(row.branch),
                      row.tool,
                      oneLine(row.actor),
                      row.approval,
                    ]),
                  );
            return { data: rows, text };
          }),
        ),
      ),
    { examples: ['approvals allowed', 'approvals allowed demo --json'], json: `[${allowanceJson}]` },
  );
  explain(
    approvals
      .command('revoke <thread> <tool>')
      .description('have a tool ask again in a thread')
      .option('--actor <id>', 'who revokes (default: HOLDFAST_USER)')
      .option('--branch <name>', 'line of history', 'main')
      .action((thread: string, tool: string, options: { actor?: string; branch: string }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { actor = run.config.user, branch } = options;
            const ended = await client.approvals.revoke({ thread, tool, branch, actor });
            return { data: ended, text: `${plain(tool)} asks again in thread ${oneLine(thread)}` };
          }),
        ),
      ),
    { examples: ['approvals revoke demo refund'], json: allowanceJson },
  );
}
