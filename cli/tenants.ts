import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { DropTenantReport, Quota, TenantUsage } from '../eventstore/index.ts';
import { findAdminUrl } from './admin-url.ts';
import { day, dim, oneLine, statusColour, table } from './format.ts';
import { commandLine } from './invocation.ts';
import { UsageError } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

/** Registers `tenants`: list, create, limit and drop. */
export function registerTenants(program: Command): void {
  const tenants = program.command('tenants').description('list, create, limit and drop tenants');
  registerList(tenants);
  registerCreate(tenants);
  registerQuota(tenants);
  registerDrop(tenants);
}

function registerList(tenants: Command): void {
  explain(
    tenants
      .command('list')
      .alias('ls')
      .description('all tenants, what they use and what they may use')
      .action((_options: object, command: Command) =>
        runCommand(command, async ({ config }) => {
          const { listTenants } = await import('../eventstore/index.ts');
          const all = await listTenants({ adminUrl: await findAdminUrl(config) });
          return { data: all, text: all.length === 0 ? '' : tenantTable(all) };
        }),
      ),
    {
      examples: ['tenants list', 'tenants list --json'],
      json: '[{id, state, createdAt, events, bytes, streams, quota: {maxEvents, maxBytes}}]',
    },
  );
}

function tenantTable(all: readonly TenantUsage[]): string {
  const of = (used: number, limit: number | null): string => `${used}${limit === null ? '' : dim(` of ${limit}`)}`;
  return table(
    ['TENANT', 'STATE', 'EVENTS', 'BYTES', 'STREAMS', 'CREATED'],
    all.map(({ id, state, events, bytes, streams, quota, createdAt }) => [
      oneLine(id),
      state === 'active' ? state : statusColour(state),
      of(events, quota.maxEvents),
      of(bytes, quota.maxBytes),
      String(streams),
      day(createdAt),
    ]),
  );
}

function registerCreate(tenants: Command): void {
  explain(
    tenants
      .command('create <id>')
      .description('create a tenant in a database that `migrate` has set up; safe to repeat')
      .action((id: string, _options: object, command: Command) =>
        runCommand(command, async ({ config }) => {
          const { createTenant, listTenants } = await import('../eventstore/index.ts');
          const adminUrl = await findAdminUrl(config);
          const before = (await listTenants({ adminUrl })).some(
            (tenant) => tenant.id === id && tenant.state === 'active',
          );
          await createTenant(adminUrl, id);
          return {
            data: { id, created: !before },
            text: `${statusColour('ok')} tenant "${oneLine(id)}" ${before ? 'existed already' : 'created'}`,
          };
        }),
      ),
    { examples: ['tenants create acme'], json: '{id, created}' },
  );
}

function registerQuota(tenants: Command): void {
  explain(
    tenants
      .command('quota <id>')
      .description('show or set how much a tenant may store')
      .option('--max-events <n>', 'most events of its log, or "none"', bound)
      .option('--max-bytes <n>', 'most bytes of data, meta and results, or "none"', bound)
      .action((id: string, options: { maxEvents?: number | 'none'; maxBytes?: number | 'none' }, command: Command) =>
        runCommand(command, async ({ config }) => {
          const { setQuota } = await import('../eventstore/index.ts');
          const quota = await setQuota({
            adminUrl: await findAdminUrl(config),
            tenant: id,
            ...(options.maxEvents === undefined ? {} : { maxEvents: orNull(options.maxEvents) }),
            ...(options.maxBytes === undefined ? {} : { maxBytes: orNull(options.maxBytes) }),
          });
          return { data: { id, quota }, text: describe(id, quota) };
        }),
      ),
    {
      examples: ['tenants quota acme', 'tenants quota acme --max-events 1000000 --max-bytes none'],
      json: '{id, quota: {maxEvents, maxBytes}}, null = no bound',
    },
  );
}

function bound(value: string): number | 'none' {
  if (value === 'none') return value;
  try {
    return wholeNumber(0)(value);
  } catch {
    throw new InvalidArgumentError('Expected a whole number from 0 on, or "none".');
  }
}

function orNull(value: number | 'none'): number | null {
  return value === 'none' ? null : value;
}

function describe(id: string, { maxEvents, maxBytes }: Quota): string {
  return `tenant "${oneLine(id)}": events ${maxEvents ?? 'without bound'}, bytes ${maxBytes ?? 'without bound'}`;
}

function registerDrop(tenants: Command): void {
  explain(
    tenants
      .command('drop <id>')
      .description('delete a tenant for good; without --confirm only count what would go')
      .option('--confirm <id>', 'the id once more: delete. Goes on where a drop was cut off')
      .action((id: string, { confirm }: { confirm?: string }, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          if (confirm !== undefined && confirm !== id) {
            throw new UsageError(
              `--confirm names "${confirm}", the tenant to drop is "${id}".`,
              'Write the same id twice to delete it.',
            );
          }
          const { dropTenant } = await import('../eventstore/index.ts');
          const report = await dropTenant({
            adminUrl: await findAdminUrl(config),
            tenant: id,
            dryRun: confirm === undefined,
            onProgress: (line) => output.say(line),
          });
          if (report.dryRun)
            output.say(`Nothing was deleted. To do it: ${commandLine('tenants', 'drop', id, '--confirm', id)}`);
          return { data: report, text: dropText(report) };
        }),
      ),
    {
      examples: ['tenants drop acme', 'tenants drop acme --confirm acme'],
      json: '{tenant, dryRun, rows: {table: count}}',
    },
  );
}

function dropText({ tenant, dryRun, rows }: DropTenantReport): string {
  const sum = Object.values(rows).reduce((total, count) => total + count, 0);
  const done = dryRun
    ? `tenant "${oneLine(tenant)}" has ${sum} rows`
    : `${statusColour('ok')} tenant "${oneLine(tenant)}" is dropped, ${sum} rows deleted`;
  if (sum === 0) return done;
  return `${done}\n${table(
    ['TABLE', 'ROWS'],
    Object.entries(rows).map(([name, count]) => [name, String(count)]),
  )}`;
}
