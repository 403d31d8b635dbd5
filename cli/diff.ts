import type { Command } from 'commander';
import type { BranchDiff, StepDiff, TurnDiff } from '../client/index.ts';
import type { TracedCall, TracedStep } from '../projections/branches/trajectory.ts';
import { shorten } from '../memory/text.ts';
import { bold, dim, indent, oneLine } from './format.ts';
import { viewText } from './memory-diff.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `diff`: what a fork changed. */
export function registerDiff(program: Command): void {
  explain(
    program
      .command('diff <thread> <branchA> <branchB>')
      .description('compare two branches of a thread: reply, trajectory, memory')
      .action((thread: string, a: string, b: string, _options: object, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const diff = await client.checkpoints.diff({ thread, a, b });
            return { data: diff, text: diffText(diff) };
          }, thread),
        ),
      ),
    {
      examples: ['diff demo main what-if', 'diff demo main what-if --json'],
      json: '{thread, a, b, shared, reply: {a, b, same}, turns: [{a, b, steps: [{step, same, a, b}]}], memory: [{view, gained, lost, changed, changes}]}',
    },
  );
}

function diffText({ a, b, shared, reply, turns, memory }: BranchDiff): string {
  const side = (name: string, text: string | null): string => `${oneLine(name)}: ${oneLine(text ?? '(none)')}`;
  return [
    dim(`${shared.length} ${shared.length === 1 ? 'turn' : 'turns'} in common`),
    reply.same
      ? `${bold('reply')} ${dim('the same')}\n  ${oneLine(reply.a ?? '(none)')}`
      : `${bold('reply')}\n${indent([side(a, reply.a), side(b, reply.b)].join('\n'), '  ')}`,
    `${bold('trajectory')}\n${indent(turns.map((turn) => turnText(turn, a, b)).join('\n') || dim('none'), '  ')}`,
    ...(memory.length === 0 ? [`${bold('memory')} ${dim('the same')}`] : memory.map(viewText)),
  ].join('\n\n');
}

function turnText({ a: one, b: other, steps }: TurnDiff, a: string, b: string): string {
  const name = (turn: TurnDiff['a'], branch: string): string =>
    turn ? `${oneLine(branch)}: ${oneLine(turn.turn)} ${turn.status}` : `${oneLine(branch)}: none`;
  const asked = one && other && one.message === other.message ? '' : [one, other].map(messageOf).join('');
  return [
    `${name(one, a)}  ${name(other, b)}`,
    ...(asked === '' ? [] : [asked.trimEnd()]),
    ...steps.map((step) => stepText(step, a, b)),
  ].join('\n');
}

function messageOf(turn: TurnDiff['a']): string {
  return turn ? `  asked: ${shorten(oneLine(turn.message), 160)}\n` : '';
}

function stepText({ step, same, a: one, b: other }: StepDiff, a: string, b: string): string {
  if (same && one) return `= step ${step}: ${did(one)}`;
  return [
    `~ step ${step}`,
    ...(one ? [`    ${oneLine(a)}: ${did(one)}`] : []),
    ...(other ? [`    ${oneLine(b)}: ${did(other)}`] : []),
  ].join('\n');
}

function did({ text, calls }: TracedStep): string {
  return calls.length === 0 ? shorten(oneLine(text ?? ''), 160) : calls.map(callText).join('; ');
}

function callText({ tool, arguments: given, outcome, result }: TracedCall): string {
  const end = outcome === null ? 'no result' : `${outcome}: ${shorten(oneLine(result ?? ''), 80)}`;
  return `${oneLine(tool)}(${shorten(oneLine(JSON.stringify(given)), 80)}) ${end}`;
}
