import type { Command } from 'commander';
import type { WhyNot } from '../client/index.ts';
import { bold, dim, oneLine, table } from './format.ts';
import type { MemoryOptions } from './memory-options.ts';
import { scopeOf, withScope } from './memory-options.ts';
import { UsageError } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

/** Registers `why-not`: why a memory is not among what a question recalls. */
export function registerWhyNot(program: Command): void {
  explain(
    withScope(program.command('why-not <memory> <query...>').description('why a memory is not recalled for a question'))
      .option('--limit <n>', 'most items that the question asks for', wholeNumber(1), 8)
      .action((memory: string, words: string[], options: MemoryOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const query = words.join(' ').trim();
            if (query === '')
              throw new UsageError('The query is empty.', 'Say what was asked: `holdfast why-not f-1 "shoe size"`.');
            const { limit, at } = options;
            const explained = await client.memory.whyNot({
              memory,
              query,
              scope: scopeOf(run.config, options),
              ...(limit === undefined ? {} : { limit }),
              ...(at === undefined ? {} : { at }),
            });
            return { data: explained, text: whyNotText(explained) };
          }),
        ),
      ),
    {
      examples: ['why-not fact-1 "how should we contact Ana?" --user ana', 'why-not fact-1 refund --at 40 --json'],
      json: '{memory, reason, text, supersededBy, rank, comparison: {with, score, lastScore, features: [{name, value, lastValue, difference}]} or null}',
    },
  );
}

/** The reason for people. */
export function whyNotText({ reason, text, comparison }: WhyNot): string {
  const lines = [`${bold(reason)}  ${oneLine(text)}`];
  if (comparison) {
    lines.push(
      dim(
        `score ${comparison.score.toFixed(4)}, that of ${oneLine(comparison.with)}: ${comparison.lastScore.toFixed(4)}`,
      ),
    );
    lines.push(
      table(
        ['FEATURE', 'ITS', 'THAT OF THE LAST', 'WORTH'],
        comparison.features
          .slice(0, 8)
          .map(({ name, value, lastValue, difference }) => [
            name,
            value.toFixed(2),
            lastValue.toFixed(2),
            difference.toFixed(2),
          ]),
      ),
    );
  }
  return lines.join('\n');
}
