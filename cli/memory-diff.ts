import { isDeepStrictEqual, styleText } from 'node:util';
import type { Command } from 'commander';
import type { DiffRow, MemoryDiff, MemoryDiffRequest, Moment, ViewChange, ViewDiff } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { bold, dim, oneLine, time } from './format.ts';
import { explain, positionOrTime, runCommand, wholeNumber } from './run-command.ts';

interface DiffOptions {
  readonly view?: string[];
  readonly all?: boolean;
  readonly limit: number;
}

/** Registers `memory diff`: what was remembered and what was given up between two moments. */
export function registerMemoryDiff(memory: Command): void {
  explain(
    memory
      .command('diff')
      .description('how memory differs between two moments: positions of the log, or times')
      .argument('<from>', 'position or time', positionOrTime)
      .argument('[to]', 'position or time (default: now)', positionOrTime)
      .option('--view <name...>', 'compare these views (default: fact procedure block round)')
      .option('--all', 'compare every view')
      .option('--limit <n>', 'show at most the newest n changes of each view', wholeNumber(1), 50)
      .action((from: Moment, to: Moment | undefined, options: DiffOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const diff = await client.memory.diff(toRequest(from, to, options));
            if (diff.views.length === 0)
              run.output.say(`Nothing differs between positions ${diff.from} and ${diff.to}.`);
            return { data: diff, text: diffText(diff) };
          }),
        ),
      ),
    {
      examples: ['memory diff 12 40', 'memory diff 2026-05-26 2026-05-27 --json', 'memory diff 0 --view fact fact_end'],
      json: '{from, to, views: [{view, gained, lost, changed, changes: [{view, change, position, key, before, after}]}]}',
    },
  );
}

function toRequest(from: Moment, to: Moment | undefined, { view, all, limit }: DiffOptions): MemoryDiffRequest {
  const views = all === true ? ('all' as const) : view;
  return { from, limit, ...(to === undefined ? {} : { to }), ...(views === undefined ? {} : { views }) };
}

function diffText({ from, to, views }: MemoryDiff): string {
  if (views.length === 0) return '';
  return [dim(`from position ${from} to position ${to}`), ...views.map(viewText)].join('\n\n');
}

/** How one view differs, as lines. */
export function viewText({ view, changes, ...counts }: ViewDiff): string {
  const words = (['gained', 'lost', 'changed'] as const).flatMap((kind) =>
    counts[kind] === 0 ? [] : [`${counts[kind]} ${kind}`],
  );
  const hidden = counts.gained + counts.lost + counts.changed - changes.length;
  return [
    `${bold(view)} ${dim(words.join(', '))}`,
    ...(hidden === 0 ? [] : [dim(`  … ${hidden} older`)]),
    ...changes.map(changeLine),
  ].join('\n');
}

const signs = {
  gained: styleText('green', '+'),
  lost: styleText('red', '-'),
  changed: styleText('yellow', '~'),
} as const;

/** `+ fact 12 Ana prefers SMS.`; below a change, each column with its old and its new value. */
function changeLine({ view, change, position, key, before, after }: ViewChange): string {
  const row = after ?? before ?? key;
  const columns = Object.keys(row).filter((name) => before && after && !isDeepStrictEqual(before[name], after[name]));
  return [
    `${signs[change]} ${view} ${dim(String(position))} ${shorten(words(view, row, key), 400)}`,
    ...columns.map((name) => dim(`    ${name}: ${wordOf(before?.[name])} → ${wordOf(after?.[name])}`)),
  ].join('\n');
}

/** What a row says, in the words it holds. */
function words(view: string, row: DiffRow, key: DiffRow): string {
  const text = (name: string): string => oneLine(String(row[name]));
  switch (view) {
    case 'fact':
      return text('content');
    case 'procedure':
      return `${text('goal')}: ${text('content')}`;
    case 'block':
      return `${text('label')}: ${text('value')}`;
    case 'round':
      return `${text('speaker')}: ${text('message')} → ${text('reply_speaker')}: ${text('reply')}`;
    default:
      return Object.entries(key)
        .map(([name, value]) => `${name} ${wordOf(value)}`)
        .join(', ');
  }
}

function wordOf(value: unknown): string {
  if (value instanceof Date) return time(value);
  return shorten(oneLine(typeof value === 'string' ? value : JSON.stringify(value)), 120);
}
