import type { Command } from 'commander';
import type { ForgetReceipt } from '../eventstore/index.ts';
import { findAdminUrl } from './admin-url.ts';
import { oneLine, statusColour, table } from './format.ts';
import { commandLine } from './invocation.ts';
import { explain, runCommand } from './run-command.ts';

interface ForgetFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly reason: string;
  readonly segments?: string;
}

/** Registers `memory forget`: erases a user for good. */
export function registerMemoryForget(memory: Command): void {
  explain(
    memory
      .command('forget <user>')
      .description('erase everything about a user for good; without --yes only count what would go')
      .option('--yes', 'do it')
      .option('--dry-run', 'only count, even with --yes')
      .option('--reason <text>', 'why; recorded for ever, so nothing personal', 'asked for on the command line')
      .option('--segments <folder>', 'where the log was archived to, if it was')
      .action((user: string, { yes = false, dryRun = !yes, reason, segments }: ForgetFlags, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          const [{ readSegments }, { forgetUser }, { findKeyWrapper }] = await Promise.all([
            import('../eventstore/index.ts'),
            import('../client/forget-user.ts'),
            import('./master-key.ts'),
          ]);
          const receipt = await forgetUser(
            {
              adminUrl: await findAdminUrl(config),
              tenant: config.tenant,
              keyWrapper: await findKeyWrapper(config),
            },
            {
              user,
              actor: `user:${config.user}`,
              reason,
              dryRun,
              ...(segments === undefined
                ? {}
                : { archived: (tenant, range) => readSegments({ folder: segments, tenant, ...range }) }),
            },
          );
          if (receipt.position === null)
            output.say(`Nothing was changed. To do it: ${commandLine('memory', 'forget', user, '--yes')}`);
          return { data: receipt, text: receiptText(receipt) };
        }),
      ),
    {
      examples: ['memory forget ana', 'memory forget ana --yes --reason "request 4711"'],
      json: '{subject, position, recordedAt, chain (all null for a dry run), repeated, keys: [number], events, streams, rows: {view: count}, derived: {name: count}, snapshots, actor, reason}',
    },
  );
}

/** A receipt for people. */
export function receiptText(receipt: ForgetReceipt): string {
  const { subject, position, repeated, events, streams, keys, rows, derived, snapshots } = receipt;
  const what = oneLine(subject);
  const head =
    position === null
      ? `${what}: ${events} events in ${streams} streams would lose their texts`
      : `${statusColour('ok')} ${what} ${repeated ? 'was forgotten before' : 'is forgotten'} at position ${position}: ${events} events in ${streams} streams lost their texts`;
  const counts = [
    ['keys', String(keys.length)],
    ...Object.entries(rows).map(([view, count]) => [`view ${view}`, String(count)]),
    ...Object.entries(derived).map(([name, count]) => [`derived ${name}`, String(count)]),
    ['snapshots', String(snapshots)],
  ];
  return `${head}\n${table(['WHAT', 'COUNT'], counts)}`;
}
