import { styleText } from 'node:util';
import { allFaults } from '../chaos/faults/plan.ts';
import { runChaos } from '../chaos/run-chaos.ts';
import type { ChaosReport } from '../chaos/report.ts';
import type { ChaosFlags } from './chaos-flags.ts';
import { dim, indent, oneLine, statusColour, table } from './format.ts';
import type { Answer, Output } from './output.ts';
import { CommandFailedError, UsageError } from './output.ts';

/** Kills of a run that was not told how long. */
const usualKills = 20;

/** Runs `verify --chaos`. Throws CommandFailedError CHAOS_FAILED with the whole report when anything is not as promised. */
export async function verifyChaos(flags: ChaosFlags, output: Output): Promise<Answer> {
  const { minutes, kills = usualKills, seed = Math.floor(Math.random() * 1_000_000), sabotage } = flags;
  const faults = flags.faults?.split(',').map((kind) => kind.trim());
  const unknown = faults?.find((kind) => !allFaults.some((fault) => fault.kind === kind));
  if (unknown !== undefined)
    throw new UsageError(
      `There is no fault "${unknown}".`,
      `There are: ${allFaults.map(({ kind }) => kind).join(', ')}.`,
    );
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
  const report = await runChaos({
    seed,
    until: minutes === undefined ? { kills } : { minutes },
    ...(sabotage === undefined ? {} : { sabotage }),
    ...(faults === undefined ? {} : { faults }),
    onProgress: (line) => output.say(dim(line, process.stderr)),
    signal: stopping.signal,
  });
  const answer = { data: report, text: describe(report) };
  if (report.ok) return answer;
  throw new CommandFailedError(
    'CHAOS_FAILED',
    sabotage === undefined
      ? 'Not everything is as promised.'
      : `Not everything is as promised, as it must be without the protection "${sabotage}".`,
    `Run it again: ${report.replay}. Histories, logs and databases are in ${report.folder ?? 'no folder'}.`,
    answer,
  );
}

function describe(report: ChaosReport): string {
  const { figures, invariants, unavailable, complaints, history, growth } = report;
  const { kills, in_doubt: inDoubt, retries, turns, failed, events, lost, duplicated, partial, violations } = figures;
  const pairs = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([kind, n]) => [kind, String(n)]);
  const bad = invariants.flatMap(({ id, violations: found }) =>
    found.slice(0, 3).map(({ what }) => `${id}: ${oneLine(what)}`),
  );
  return [
    table(['FAULT', 'LANDED'], pairs(figures.faults)),
    '',
    table(['WORK', 'DONE'], pairs(figures.work)),
    '',
    table(['NOT ANSWERED, OR REFUSED', 'TIMES'], pairs({ ...figures.unanswered, ...figures.refused })),
    '',
    table(
      ['INVARIANT', '', ''],
      invariants.map(({ id, says, violations: found }) => [
        id,
        says,
        found.length === 0 ? statusColour('ok') : `${statusColour('failed')} ${found.length}`,
      ]),
    ),
    ...Object.entries(unavailable).map(([kind, why]) => indent(`not on this machine: ${kind}, as ${why}`, '  ')),
    ...bad.map((line) => indent(line, '  ')),
    ...complaints.map((line) => indent(`not as promised: ${oneLine(line)}`, '  ')),
    ...(history.length === 0
      ? []
      : ['', 'What clients know of the first of them:', ...history.map((line) => indent(line, '  '))]),
    '',
    table(
      ['kills', 'in doubt', 'retries', 'turns', 'failed', 'events', 'lost', 'duplicated', 'partial', 'violations'],
      [[kills, inDoubt, retries, turns, failed, events, lost, duplicated, partial, violations].map(String)],
    ),
    '',
    report.ok
      ? styleText(['bold', 'green'], 'Nothing lost, nothing twice, nothing half.')
      : styleText(['bold', 'red'], 'NOT as promised.'),
    `${report.seconds} s; the driver grew by ${growth.heapMiB} MiB and ${growth.handles} handles. Seed ${report.seed}; again: ${report.replay}`,
  ].join('\n');
}
