import type { Command } from 'commander';
import type { HoldfastClient, Moment } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { dim, oneLine, table } from './format.ts';
import { explain, positionOrTime, runCommand } from './run-command.ts';

interface SummaryFlags {
  readonly branch: string;
  readonly at?: Moment;
  readonly expand?: string;
}

type Row = Awaited<ReturnType<HoldfastClient['threads']['summaries']>>[number];
type Expanded = Awaited<ReturnType<HoldfastClient['threads']['expand']>>;

/** Registers `summaries`: what stands in a thread's prompts for its oldest turns, and the originals. */
export function registerSummaries(program: Command): void {
  explain(
    program
      .command('summaries <thread>')
      .description('the summaries that stand in prompts for the oldest turns of a thread, and what they stand for')
      .option('--branch <name>', 'line of history', 'main')
      .option('--at <position|time>', 'as it was at this position of the log, or at this time', positionOrTime)
      .option('--expand <summary>', 'show every message that this one stands for')
      .action((thread: string, { branch, at, expand }: SummaryFlags, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const filter = { thread, branch, ...(at === undefined ? {} : { at }) };
            if (expand !== undefined) {
              const expanded = await client.threads.expand({ ...filter, summary: expand });
              return { data: expanded, text: expandedText(expanded) };
            }
            const rows = await client.threads.summaries(filter);
            if (rows.length === 0)
              run.output.say('Every message still stands in the prompts itself, as far as they hold it.');
            return { data: rows, text: rows.length === 0 ? '' : summaryTable(rows) };
          }, thread),
        ),
      ),
    {
      examples: ['summaries support-1', 'summaries support-1 --expand c-turn-40'],
      json: '[{compaction, branch, turn, upTo, previous, summary, by, turns, tokens: {before, after}, position}]; with --expand one of them with {problems, messages: [{role, content, position}]}',
    },
  );
}

function summaryTable(rows: readonly Row[]): string {
  return table(
    ['POS', 'SUMMARY', 'TURNS', 'TOKENS', 'BY', 'TEXT'],
    rows.map(({ position, compaction, turns, tokens, by, summary }) => [
      String(position),
      oneLine(compaction),
      String(turns),
      `${tokens.before} → ${tokens.after}`,
      by,
      shorten(oneLine(summary), 120),
    ]),
  );
}

function expandedText({ summary, messages, by, turns }: Expanded): string {
  const lines = messages.map(
    ({ role, content, position }) => `${dim(`${position} ${role}`)} ${oneLine(content ?? '(calls tools)')}`,
  );
  return [summary, dim(`by ${by}, ${turns} turns and those of the summaries before it; the originals:`), ...lines].join(
    '\n',
  );
}
