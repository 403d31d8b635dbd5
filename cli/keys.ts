import type { Command } from 'commander';
import { findAdminUrl } from './admin-url.ts';
import { oneLine, statusColour } from './format.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `keys create` and `keys rewrap`: the master key that protects personal data. */
export function registerKeys(program: Command): void {
  const keys = program.command('keys').description('make and change the master key that protects personal data');
  explain(
    keys
      .command('create')
      .description('make a new master key and print it; keep it apart from the database, and lose it never')
      .action((_options: object, command: Command) =>
        runCommand(command, async ({ output }) => {
          const { createMasterKey, localKeyWrapper } = await import('../eventstore/index.ts');
          const masterKey = createMasterKey();
          const { id } = localKeyWrapper(masterKey);
          output.say(
            `Set it as HOLDFAST_MASTER_KEY for every worker and client, in front of an older one. It is known as ${id}.`,
          );
          return { data: { masterKey, id }, text: masterKey };
        }),
      ),
    { examples: ['keys create', 'keys create > master.key'], json: '{masterKey, id}' },
  );
  explain(
    keys
      .command('rewrap')
      .description(
        "wrap the keys of a tenant's subjects with the first of the master keys; older ones are needed no more then",
      )
      .option('--tenant <id>', 'whose keys (default: HOLDFAST_TENANT)')
      .action((options: { tenant?: string }, command: Command) =>
        runCommand(command, async ({ config }) => {
          const [{ rewrapKeys }, { findKeyWrapper, missingMasterKey }] = await Promise.all([
            import('../eventstore/index.ts'),
            import('./master-key.ts'),
          ]);
          const keyWrapper = await findKeyWrapper(config);
          if (!keyWrapper) throw missingMasterKey();
          const tenant = options.tenant ?? config.tenant;
          const count = await rewrapKeys({ adminUrl: await findAdminUrl(config), tenant, keyWrapper });
          const text = `${statusColour('ok')} ${count} keys of tenant "${oneLine(tenant)}" were wrapped anew with ${keyWrapper.id}`;
          return { data: { tenant, rewrapped: count, id: keyWrapper.id }, text };
        }),
      ),
    { examples: ['keys rewrap', 'keys rewrap --tenant acme'], json: '{tenant, rewrapped, id}' },
  );
}
