import type { Command } from 'commander';
import type { RebuiltView } from '../eventstore/index.ts';
import { findAdminUrl } from './admin-url.ts';
import { statusColour, table } from './format.ts';
import { CommandFailedError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

interface RebuildFlags {
  readonly view?: readonly string[];
  readonly check?: boolean;
  readonly segments?: string;
}

/** Registers `rebuild`: builds views from the log anew, and says whether the live ones were right. */
export function registerRebuild(program: Command): void {
  explain(
    program
      .command('rebuild')
      .description('build views from the log anew, while everything goes on, and compare them with the live ones')
      .option('--view <name...>', 'only these views (default: all)')
      .option('--check', 'only compare; change nothing')
      .option('--segments <folder>', 'where archived logs were archived to')
      .action((flags: RebuildFlags, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          const [{ progressLines, readSegments, rebuildViews }, { findSchema }] = await Promise.all([
            import('../eventstore/index.ts'),
            import('./master-key.ts'),
          ]);
          const { view, check = false, segments } = flags;
          const report = await rebuildViews({
            adminUrl: await findAdminUrl(config),
            schema: await findSchema(config),
            check,
            ...(view === undefined ? {} : { views: view }),
            ...(segments === undefined
              ? {}
              : { archived: (tenant, range) => readSegments({ folder: segments, tenant, ...range }) }),
            onProgress: progressLines((line) => output.say(line)),
          });
          const { views, events, durationMs, pauseMs } = report;
          const equal = views.every((one) => one.equal !== false);
          const data = { ...report, equal, handedOver: pauseMs !== null };
          const text = [
            table(
              ['view', 'rows', 'live rows', ''],
              views.map((one) => [one.name, count(one.rows), count(one.liveRows), verdict(one)]),
            ),
            `${events.toLocaleString('en')} events in ${(durationMs / 1_000).toFixed(1)} s` +
              (pauseMs === null ? '; nothing was changed' : `; handed over, appends waited ${Math.round(pauseMs)} ms`),
          ].join('\n');
          if (check && !equal) {
            throw new CommandFailedError(
              'VIEWS_DRIFTED',
              'Live views hold other rows than the log gives.',
              'Run `holdfast rebuild` to put the rebuilt ones in their place.',
              { data, text },
            );
          }
          return { data, text };
        }),
      ),
    {
      examples: ['rebuild --check', 'rebuild', 'rebuild --view fact memory_document'],
      json: '{views: [{name, rows, liveRows, equal, differences: [{tenant, onlyLive, onlyRebuilt}]}], equal, handedOver, events, resumed, durationMs, pauseMs, attempts}',
    },
  );
}

function count(rows: number | null): string {
  return rows === null ? '' : rows.toLocaleString('en');
}

function verdict({ equal, differences }: RebuiltView): string {
  if (equal !== false) return statusColour('ok');
  return differences
    .map(
      ({ tenant, onlyLive, onlyRebuilt }) =>
        `tenant "${tenant}": ${onlyLive} rows only live, ${onlyRebuilt} only in the log`,
    )
    .join('; ');
}
