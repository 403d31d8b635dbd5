import type { Command } from 'commander';
import { findAdminUrl } from './admin-url.ts';
import { oneLine, statusColour } from './format.ts';
import { commandLine } from './invocation.ts';
import { sayProgress } from './log-progress.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

interface ArchiveFlags {
  readonly below: number;
  readonly to: string;
  readonly tenant?: string;
  readonly segmentEvents?: number;
  readonly ignoreConsumers?: boolean;
}

/** Registers `archive`: moves old events into segments and deletes them from the database. */
export function registerArchive(program: Command): void {
  explain(
    program
      .command('archive')
      .description(
        'move the events below a position into segments, verify these, and delete the events from the database',
      )
      .requiredOption('--below <position>', 'whole segments below this position go', wholeNumber(1))
      .requiredOption('--to <folder>', 'where the segments go, and from then on the only place of those events')
      .option('--tenant <id>', 'whose log (default: HOLDFAST_TENANT)')
      .option('--ignore-consumers', 'archive also what consumers have not handled yet')
      .option('--segment-events <n>', 'events of one segment (default: 100000)', wholeNumber(1))
      .action((flags: ArchiveFlags, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          const { archiveLog } = await import('../eventstore/index.ts');
          const { below, to: folder, segmentEvents, ignoreConsumers = false, tenant = config.tenant } = flags;
          const report = await archiveLog({
            ...{
              adminUrl: await findAdminUrl(config),
              tenant,
              below,
              folder,
              ignoreConsumers,
              onProgress: sayProgress(output),
            },
            ...(segmentEvents === undefined ? {} : { segmentEvents }),
          });
          const { base, events, segments } = report;
          if (events > 0) {
            output.say(`Back the folder up. To prove the whole: ${commandLine('verify', '--segments', folder)}`);
          }
          const what =
            events === 0
              ? 'no whole segment below it was left to archive'
              : `${events} events in ${segments.length} segments`;
          return {
            data: { folder, ...report },
            text: `${statusColour('ok')} tenant "${oneLine(tenant)}" is archived up to position ${base}: ${what}`,
          };
        }),
      ),
    {
      examples: ['archive --below 1000000 --to /archive'],
      json: '{folder, tenant, base, events, segments: [{file, from, to, events, bytes, sha256}]}',
    },
  );
}
