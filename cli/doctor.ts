import { styleText } from 'node:util';
import type { Command } from 'commander';
import { examine } from './doctor-checks.ts';
import type { Finding } from './doctor-finding.ts';
import { oneLine } from './format.ts';
import { asTyped } from './invocation.ts';
import { CommandFailedError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `doctor`: looks at everything a turn needs and says how to mend what is missing. */
export function registerDoctor(program: Command): void {
  explain(
    program
      .command('doctor')
      .description('check everything a turn needs; each complaint comes with what mends it')
      .action((_options: object, command: Command) =>
        runCommand(command, async (run) => {
          const findings = await examine(() => run.config);
          const answer = { data: findings, text: findings.map(findingText).join('\n') };
          const bad = findings.filter(({ status }) => status === 'fail');
          if (bad.length === 0) return answer;
          throw new CommandFailedError(
            'DOCTOR_FAILED',
            `${bad.length} of ${findings.length} checks failed: ${bad.map(({ check }) => check).join(', ')}.`,
            'Mend them from the top, then run `holdfast doctor` again.',
            answer,
          );
        }),
      ),
    {
      examples: ['doctor', 'doctor --json'],
      json: '[{check, status: "ok" | "warn" | "fail", message, fix: string or null}]',
    },
  );
}

const marks = {
  ok: styleText('green', 'ok  '),
  warn: styleText('yellow', 'warn'),
  fail: styleText('red', 'fail'),
} as const;

function findingText({ check, status, message, fix }: Finding): string {
  const line = `${marks[status]}  ${check.padEnd(18)} ${oneLine(message)}`;
  return fix === null || status === 'ok' ? line : `${line}\n${' '.repeat(25)}→ ${asTyped(fix)}`;
}
