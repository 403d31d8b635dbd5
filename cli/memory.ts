import type { Command } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import { reliableFrom } from '../memory/recall/weights.ts';
import { shorten } from '../memory/text.ts';
import { bold, day, dim, indent, oneLine, statusColour, table } from './format.ts';
import { registerMemoryBlocks } from './memory-blocks.ts';
import { scopeOf, withScope } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { registerMemoryEntities } from './memory-entities.ts';
import { registerMemoryExtract } from './memory-extract.ts';
import { registerMemoryForget } from './memory-forget.ts';
import { registerMemoryDocuments } from './memory-documents.ts';
import { registerMemoryDiff } from './memory-diff.ts';
import { registerMemoryImport } from './memory-import.ts';
import { registerMemoryPending } from './memory-pending.ts';
import { registerMemoryProcedures } from './memory-procedures.ts';
import { registerMemoryRecord } from './memory-record.ts';
import { registerMemoryStats } from './memory-stats.ts';
import { UsageError } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

type FoundItem = Awaited<ReturnType<HoldfastClient['memory']['search']>>['items'][number];
type Fact = Awaited<ReturnType<HoldfastClient['memory']['list']>>[number];

/** Registers `memory` with its commands. */
export function registerMemory(program: Command): void {
  const memory = program.command('memory').description('search and list what is remembered');
  explain(
    withScope(memory.command('search <query...>').description('what would be recalled for a question, and why'))
      .option('--limit <n>', 'most items', wholeNumber(1), 8)
      .option('--all', 'also what was found and left out')
      .action((words: string[], options: MemoryOptions & { all?: boolean }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const query = words.join(' ').trim();
            if (query === '')
              throw new UsageError(
                'The query is empty.',
                'Say what to look for: `holdfast memory search "shoe size"`.',
              );
            const { limit, at } = options;
            const found = await client.memory.search({
              query,
              scope: scopeOf(run.config, options),
              ...(limit === undefined ? {} : { limit }),
              ...(at === undefined ? {} : { at }),
            });
            for (const line of found.degraded) run.output.say(dim(line, process.stderr));
            const items = found.items.filter(({ rejected }) => options.all === true || rejected === null);
            if (items.length === 0) run.output.say('Nothing is remembered about that.');
            else if (found.confidence < reliableFrom)
              run.output.say(dim('Nothing reliable is known about that; these are the nearest.', process.stderr));
            return { data: items, text: searchText(items) };
          }),
        ),
      ),
    {
      examples: ['memory search "how should we contact Ana?" --user ana', 'memory search refund --at 40 --json'],
      json: '[{id, kind, text, score, reason, ranks, factors, features, label, rejected, thread, turn, saidAt, citation}]',
    },
  );
  explain(
    withScope(memory.command('list').description('facts that hold, with where they come from'))
      .option('--past', 'also those that were replaced, taken back or had ended')
      .option('--limit <n>', 'only the newest n', wholeNumber(1))
      .action((options: MemoryOptions & { past?: boolean }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { past = false, at, limit } = options;
            const facts = await client.memory.list({
              scope: scopeOf(run.config, options),
              past,
              ...(at === undefined ? {} : { at }),
            });
            const newest = limit === undefined ? facts : facts.slice(-limit);
            if (newest.length === 0)
              run.output.say(`Nothing is remembered for user ${options.user ?? run.config.user}.`);
            return { data: newest, text: memoryTable(newest) };
          }),
        ),
      ),
    {
      examples: ['memory list --user ana', 'memory list --user ana --past', 'memory list --at 2026-05-30T18:00 --json'],
      json: '[{fact, kind, subject, relation, value, text, scope, confidence, trust, validFrom, validTo, replacedBy, disputedWith, position, sources: [{turn, thread, quote, position}]}]',
    },
  );
  registerMemoryBlocks(memory);
  registerMemoryForget(memory);
  registerMemoryDiff(memory);
  registerMemoryImport(memory);
  registerMemoryRecord(memory);
  registerMemoryDocuments(memory);
  registerMemoryEntities(memory);
  registerMemoryPending(memory);
  registerMemoryExtract(memory);
  registerMemoryProcedures(memory);
  registerMemoryStats(memory);
}

/** Found memories, best first. */
export function searchText(items: readonly FoundItem[]): string {
  return items
    .map((item, index) => {
      const about = [
        `${item.kind}, score ${item.score.toFixed(4)}: ${item.reason}`,
        cited(item),
        ...(item.rejected === null ? [] : [`left out: ${item.rejected}`]),
      ];
      return `${bold(`${index + 1}.`)} ${shorten(oneLine(item.text), 400)}\n${dim(indent(about.join('\n'), '   '))}`;
    })
    .join('\n');
}

function cited({ citation, saidAt, thread, turn }: FoundItem): string {
  if (!citation) return `said ${day(saidAt)} in thread ${oneLine(thread)}, turn ${oneLine(turn)}`;
  const { source, title, section, start, end } = citation;
  const named = [source, ...(title === null ? [] : [`"${title}"`]), ...(section === '' ? [] : [section])];
  return `from ${named.map(oneLine).join(', ')}, characters ${start} to ${end}, written ${day(saidAt)}`;
}

/** Facts with validity and sources; nothing for none. */
export function memoryTable(facts: readonly Fact[]): string {
  if (facts.length === 0) return '';
  return table(
    ['POS', 'KIND', 'VALID', 'TRUST', 'FACT'],
    facts.flatMap((fact) => [
      [
        String(fact.position),
        fact.kind,
        `${day(fact.validFrom)} – ${fact.validTo ? day(fact.validTo) : 'now'}`,
        fact.trust,
        `${oneLine(fact.text)}${fact.disputedWith === null ? '' : ` ${statusColour('disputed')}`}`,
      ],
      ...fact.sources.map((source) => [
        '',
        '',
        '',
        '',
        dim(
          `  from turn ${oneLine(source.turn)} of ${oneLine(source.thread)}: "${shorten(oneLine(source.quote), 100)}"`,
        ),
      ]),
    ]),
  );
}
