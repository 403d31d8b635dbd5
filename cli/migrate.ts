import type { Command } from 'commander';
import { findAdminUrl } from './admin-url.ts';
import { statusColour } from './format.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `migrate`: brings the database to this version and creates the tenant. */
export function registerMigrate(program: Command): void {
  explain(
    program
      .command('migrate')
      .description('create or update the tables and views, and a tenant; safe to repeat')
      .option('--tenant <id>', 'the tenant to create (default: HOLDFAST_TENANT)')
      .option('--segments <folder>', 'where archived logs were archived to, if views have to be built from them')
      .action((options: { tenant?: string; segments?: string }, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          const [{ createTenant, migrate, readSegments }, { preparePgvector }, { findSchema }] = await Promise.all([
            import('../eventstore/index.ts'),
            import('../projections/search/pgvector-storage.ts'),
            import('./master-key.ts'),
          ]);
          const schema = await findSchema(config);
          const adminUrl = await findAdminUrl(config);
          const tenant = options.tenant ?? config.tenant;
          const { segments } = options;
          const report = await migrate({
            schema,
            adminUrl,
            ...(segments === undefined
              ? {}
              : { archived: (id, range) => readSegments({ folder: segments, tenant: id, ...range }) }),
            onProgress: (line) => output.say(line),
          });
          const before = await tenantExists(adminUrl, tenant);
          await createTenant(adminUrl, tenant);
          const { state, note } = await preparePgvector({
            adminUrl,
            from: config.pgvectorFrom,
            onProgress: (line) => output.say(line),
          });
          const { applied, views } = report;
          const changed = applied.length + views.length > 0;
          return {
            data: { applied, views, tenant: { id: tenant, created: !before }, pgvector: { state, note } },
            text: [
              changed
                ? `${statusColour('ok')} ${applied.length} migrations applied, ${views.length} views built`
                : `${statusColour('ok')} the schema was up to date`,
              `${statusColour('ok')} tenant "${tenant}" ${before ? 'existed already' : 'created'}`,
              ...(['off', 'not needed'].includes(state)
                ? []
                : [`${statusColour(state === 'ready' ? 'ok' : 'warn')} pgvector: ${note}`]),
            ].join('\n'),
          };
        }),
      ),
    {
      examples: ['migrate', 'migrate --tenant acme'],
      json: '{applied: [migration], views: [view], tenant: {id, created}, pgvector: {state, note}}',
    },
  );
}

async function tenantExists(url: string, tenant: string): Promise<boolean> {
  const { openPool, ownerRole } = await import('../eventstore/index.ts');
  const pool = openPool({ url, role: ownerRole, applicationName: 'holdfast migrate', maxConnections: 1 });
  try {
    const { rows } = await pool.query<{ no: number | null }>('select holdfast.find_tenant($1) as no', [tenant]);
    return rows[0]?.no !== null && rows[0]?.no !== undefined;
  } finally {
    await pool.end();
  }
}
