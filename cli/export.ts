import type { Command } from 'commander';
import type { ExportReport } from '../eventstore/index.ts';
import { findAdminUrl } from './admin-url.ts';
import { chooseTenants } from './choose-tenants.ts';
import type { TenantFlags } from './choose-tenants.ts';
import { oneLine, statusColour } from './format.ts';
import { sayProgress } from './log-progress.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

interface ExportFlags extends TenantFlags {
  readonly to: string;
  readonly segmentEvents?: number;
  readonly withKeys?: boolean;
}

/** Registers `export`: copies logs into segment files. */
export function registerExport(program: Command): void {
  explain(
    program
      .command('export')
      .description('copy a log into segment files: a backup, and what is new since the last time')
      .requiredOption('--to <folder>', 'where the segments go; exports there go on where the last one ended')
      .option('--tenant <id>', 'whose log (default: HOLDFAST_TENANT)')
      .option('--all', 'the logs of all tenants')
      .option('--with-keys', 'the wrapped keys of personal data too: whoever has the master key can read the copy')
      .option('--segment-events <n>', 'events of one segment (default: 100000)', wholeNumber(1))
      .action((flags: ExportFlags, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          const { exportLog, openPool, ownerRole } = await import('../eventstore/index.ts');
          const url = await findAdminUrl(config);
          const { to: folder, withKeys = false, segmentEvents } = flags;
          const tenants = await chooseTenants(flags, config, url);
          const pool = openPool({ url, role: ownerRole, applicationName: 'holdfast export', statementTimeoutMs: 0 });
          const reports: ExportReport[] = [];
          try {
            for (const tenant of tenants) {
              reports.push(
                await exportLog({
                  ...{ pool, tenant, folder, withKeys, onProgress: sayProgress(output) },
                  ...(segmentEvents === undefined ? {} : { segmentEvents }),
                }),
              );
            }
          } finally {
            await pool.end();
          }
          return { data: { folder, tenants: reports }, text: reports.map(describe).join('\n') };
        }),
      ),
    {
      examples: ['export --to /backup', 'export --all --to /backup --with-keys'],
      json: '{folder, tenants: [{tenant, position, segments: [{file, from, to, events, bytes, sha256}], keys: {subjects, wrapped}}]}',
    },
  );
}

function describe({ tenant, position, segments, keys }: ExportReport): string {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const what = segments.length === 0 ? 'nothing new' : `${segments.length} segments written, ${bytes} bytes`;
  const protectedBy = keys.subjects === 0 ? '' : `; ${keys.wrapped} of ${keys.subjects} keys with it`;
  return `${statusColour('ok')} tenant "${oneLine(tenant)}" up to position ${position}: ${what}${protectedBy}`;
}
