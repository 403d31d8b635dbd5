import type { Command } from 'commander';
import type { ImportReport } from '../eventstore/index.ts';
import { findAdminUrl } from './admin-url.ts';
import { oneLine, statusColour } from './format.ts';
import { commandLine } from './invocation.ts';
import { sayProgress } from './log-progress.ts';
import { explain, runCommand } from './run-command.ts';

interface ImportFlags {
  readonly from: string;
  readonly tenant?: string;
  readonly withoutKeys?: boolean;
}

/** Registers `import`: restores logs from segment files. */
export function registerImport(program: Command): void {
  explain(
    program
      .command('import')
      .description('restore logs from segment files into a database that `migrate` has set up; repeat it after a kill')
      .requiredOption('--from <folder>', 'the folder that was exported to')
      .option('--tenant <id>', 'only this tenant (default: all in the folder)')
      .option('--without-keys', 'forget, in this database, every subject whose key is not in the copy')
      .action((flags: ImportFlags, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          const [{ importLog, listSegmentTenants, SegmentsMissingError }, { findSchema }] = await Promise.all([
            import('../eventstore/index.ts'),
            import('./master-key.ts'),
          ]);
          const adminUrl = await findAdminUrl(config);
          const schema = await findSchema(config);
          const { from: folder, withoutKeys = false } = flags;
          const tenants = flags.tenant === undefined ? await listSegmentTenants(folder) : [flags.tenant];
          if (tenants.length === 0) {
            throw new SegmentsMissingError(folder, 'holds no segments', 'Name the folder that was exported to.');
          }
          const reports: ImportReport[] = [];
          for (const tenant of tenants) {
            const onProgress = sayProgress(output);
            reports.push(await importLog({ adminUrl, schema, folder, tenant, withoutKeys, onProgress }));
          }
          if (reports.some(({ keys }) => keys.forgotten > 0)) {
            output.say(`Subjects were forgotten since: ${commandLine('rebuild')} takes their texts out of the views.`);
          }
          return { data: { folder, tenants: reports }, text: reports.map(describe).join('\n') };
        }),
      ),
    {
      examples: ['import --from /backup', 'import --from /backup --tenant acme'],
      json: '{folder, tenants: [{tenant, position, events, keys: {subjects, wrapped, forgotten}}]}',
    },
  );
}

function describe({ tenant, position, events }: ImportReport): string {
  const what = events === 0 ? 'everything was there' : `${events} events written`;
  return `${statusColour('ok')} tenant "${oneLine(tenant)}" up to position ${position}: ${what}`;
}
