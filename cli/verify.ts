import type { Command } from 'commander';
import { Option } from 'commander';
import { sabotages } from '../chaos/report.ts';
import type { LogProblem, VerifyCheck, VerifyReport } from '../eventstore/index.ts';
import { findAdminUrl } from './admin-url.ts';
import { chooseTenants } from './choose-tenants.ts';
import type { TenantFlags } from './choose-tenants.ts';
import { dim, indent, oneLine, statusColour, table } from './format.ts';
import { sayProgress } from './log-progress.ts';
import { CommandFailedError } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';
import { assertChaosFlags } from './chaos-flags.ts';
import type { ChaosFlags } from './chaos-flags.ts';

interface VerifyFlags extends TenantFlags, ChaosFlags {
  readonly segments?: string;
  readonly chaos?: boolean;
}

/** Registers `verify`: proves that logs, views and segments are what was written. */
export function registerVerify(program: Command): void {
  explain(
    program
      .command('verify')
      .description('prove that a log, its views and its segments are what was written; exit code 1 if not')
      .option('--tenant <id>', 'whose log (default: HOLDFAST_TENANT)')
      .option('--all', 'the logs of all tenants')
      .option('--segments <folder>', 'the folder of exported or archived segments, to be verified with the log')
      .option(
        '--chaos',
        'break a private stack on purpose while clients work on it, then check it (docs/crash-safety.md)',
      )
      .option('--minutes <n>', 'with --chaos: for this long, and until every kind of fault was tried', wholeNumber(1))
      .option('--kills <n>', 'with --chaos: until this many processes were killed (default: 20)', wholeNumber(1))
      .option(
        '--seed <n>',
        'with --chaos: the order of faults and the work of each client (default: by chance)',
        wholeNumber(0),
      )
      .addOption(
        new Option('--sabotage <what>', 'with --chaos: take one protection away; the run must fail').choices([
          ...sabotages,
        ]),
      )
      .option('--faults <kinds>', 'with --chaos: only these kinds of faults, parted by commas')
      .action((flags: VerifyFlags, command: Command) =>
        runCommand(command, async ({ config, output }) => {
          assertChaosFlags(flags);
          if (flags.chaos === true) {
            const { verifyChaos } = await import('./verify-chaos.ts');
            return verifyChaos(flags, output);
          }
          const [{ openPool, ownerRole, verifyLog }, { findSchema }] = await Promise.all([
            import('../eventstore/index.ts'),
            import('./master-key.ts'),
          ]);
          const url = await findAdminUrl(config);
          const schema = await findSchema(config);
          const { segments } = flags;
          const tenants = await chooseTenants(flags, config, url);
          const pool = openPool({ url, role: ownerRole, applicationName: 'holdfast verify', statementTimeoutMs: 0 });
          const reports: VerifyReport[] = [];
          try {
            for (const tenant of tenants) {
              const folder = segments === undefined ? {} : { folder: segments };
              reports.push(await verifyLog({ pool, schema, tenant, ...folder, onProgress: sayProgress(output) }));
            }
          } finally {
            await pool.end();
          }
          const ok = reports.every((report) => report.ok);
          const answer = { data: { ok, tenants: reports }, text: reports.map(describe).join('\n\n') };
          if (ok) return answer;
          const bad = reports.filter((report) => !report.ok).map(({ tenant }) => `"${tenant}"`);
          throw new CommandFailedError(
            'VERIFY_FAILED',
            `Not everything is what was written: tenant ${bad.join(', ')}.`,
            'Each problem above says what to do. Keep the database as it is until you know how it came about.',
            answer,
          );
        }),
      ),
    {
      examples: [
        'verify',
        'verify --all --segments /backup',
        'verify --chaos --kills 100',
        'verify --chaos --sabotage lock',
      ],
      json: '{ok, tenants: [{tenant, position, base, ok, checks: [{name, checked, problems, skipped}], problems: [{check, position, what, todo}]}]}; with --chaos: {ok, seed, seconds, figures, invariants: [{id, says, violations}], unavailable, complaints, growth, history, replay, folder}',
    },
  );
}

function describe({ tenant, position, base, checks, problems }: VerifyReport): string {
  const archived = base === 0 ? '' : `, archived up to ${base}`;
  return [
    `tenant "${oneLine(tenant)}" up to position ${position}${archived}`,
    indent(
      table(
        ['CHECK', 'CHECKED', ''],
        checks.map((check) => [check.name, check.checked.toLocaleString('en'), verdict(check)]),
      ),
      '  ',
    ),
    ...problems.map((problem) => indent(explainProblem(problem), '  ')),
  ].join('\n');
}

function verdict({ problems, skipped }: VerifyCheck): string {
  if (problems > 0) return statusColour('failed') + ` ${problems} problems`;
  return skipped === null ? statusColour('ok') : dim(`not checked: ${skipped}`);
}

function explainProblem({ check, position, what, todo }: LogProblem): string {
  return `${check}${position === null ? '' : ` at ${position}`}: ${oneLine(what)}\n  → ${todo}`;
}
