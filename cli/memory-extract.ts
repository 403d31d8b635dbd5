import type { Command } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { dim, oneLine, table } from './format.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

type Extracted = Awaited<ReturnType<HoldfastClient['memory']['extract']>>;
type Awaiting = Awaited<ReturnType<HoldfastClient['memory']['awaitingExtraction']>>;

/** Registers `memory extract` and `memory awaiting`. */
export function registerMemoryExtract(memory: Command): void {
  explain(
    memory
      .command('extract <thread>')
      .description('read the turns of a thread for memories that wait for it, and wait for the end')
      .option('--branch <name>', 'branch of the thread', 'main')
      .option('--timeout-ms <n>', 'how long to wait; the work goes on', wholeNumber(1), 300_000)
      .action((thread: string, options: { branch: string; timeoutMs: number }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { branch, timeoutMs } = options;
            const turns = await client.memory.extract({ thread, branch }, { timeoutMs });
            if (turns.length === 0) run.output.say('No turn of this thread waits to be read.');
            return { data: turns, text: extractedText(turns) };
          }),
        ),
      ),
    {
      examples: ['memory extract support-7', 'memory extract support-7 --branch what-if --json'],
      json: '[{turn, status: "completed" | "failed" | "waiting", outcomes: [{outcome, id, text, reason}], detail}]',
    },
  );
  explain(
    memory
      .command('awaiting [thread]')
      .description('turns that wait to be read for memories')
      .option('--branch <name>', 'only of this branch')
      .option('--limit <n>', 'most turns', wholeNumber(1), 200)
      .action((thread: string | undefined, options: { branch?: string; limit: number }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { branch, limit } = options;
            const rows = await client.memory.awaitingExtraction({
              limit,
              ...(thread === undefined ? {} : { thread }),
              ...(branch === undefined ? {} : { branch }),
            });
            if (rows.length === 0) run.output.say('No turn waits to be read.');
            return { data: rows, text: awaitingTable(rows) };
          }),
        ),
      ),
    {
      examples: ['memory awaiting', 'memory awaiting support-7'],
      json: '[{turn, thread, branch, agent, user, position, failed}]',
    },
  );
}

function extractedText(turns: Extracted): string {
  return turns
    .flatMap(({ turn, status, outcomes, detail }) => [
      `${oneLine(turn)}: ${status}${detail === null ? '' : ` (${oneLine(detail)})`}`,
      ...outcomes.map(
        ({ outcome, text, reason }) => `  ${outcome}: ${shorten(oneLine(text), 200)} ${dim(`(${oneLine(reason)})`)}`,
      ),
    ])
    .join('\n');
}

function awaitingTable(rows: Awaiting): string {
  if (rows.length === 0) return '';
  return table(
    ['TURN', 'THREAD', 'BRANCH', 'AGENT', 'POS', 'TRIED'],
    rows.map(({ turn, thread, branch, agent, position, failed }) => [
      ...[turn, thread, branch, agent].map(oneLine),
      ...[String(position), failed ? 'given up' : ''],
    ]),
  );
}
