import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { ForkChange, ForkPoint, ForkToolResult } from '../client/index.ts';
import type { ForkTools } from '../memory/events.ts';
import { dim, oneLine } from './format.ts';
import { commandLine } from './invocation.ts';
import { addModelOptions, modelOptionsOf } from './model-options.ts';
import type { ModelFlags } from './model-options.ts';
import { UsageError } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';
import { answerOf, withApprovals } from './turn-text.ts';

interface ForkOptions extends ModelFlags {
  readonly at: ForkPoint;
  readonly branch: string;
  readonly name?: string;
  readonly message?: string;
  readonly model?: string;
  readonly instructionsFile?: string;
  readonly remove?: string[];
  readonly block?: (readonly [string, string])[];
  readonly removeBlock?: string[];
  readonly toolResult?: (readonly [string, string])[];
  readonly tools: ForkTools;
  readonly timeout: number;
}

/** Registers `fork`: what would have happened if. */
export function registerFork(program: Command): void {
  explain(
    addModelOptions(program.command('fork <thread>'))
      .description('go on from a checkpoint on a new branch, with something different')
      .requiredOption(
        '--at <turn/step|turn|position>',
        'after this step of a turn, before its first step, or at this position of the log',
        forkPoint,
      )
      .option('--branch <name>', 'line of history to leave', 'main')
      .option('--name <name>', 'name of the new branch: forking under it again is the same fork (default: a new one)')
      .option('--message <text>', 'say this instead, or next')
      .option('--model <name>', 'let another model answer')
      .option('--instructions-file <file>', 'give the agent other instructions')
      .option('--remove <id...>', 'forget these facts or how-tos on the branch')
      .option('--block <label=value>', 'set a block on the branch (repeatable)', pairs)
      .option('--remove-block <label...>', 'take these blocks away on the branch')
      .option('--tool-result <call=result>', 'another result for a call of the last step (repeatable)', pairs)
      .addOption(
        new Option('--tools <rule>', 'calls of tools: answered from the record, run again, or refused')
          .choices(['stub', 'rerun', 'forbid'])
          .default('stub'),
      )
      .option('--timeout <seconds>', 'how long to wait; the turn goes on in any case', wholeNumber(0), 60)
      .action((thread: string, options: ForkOptions, command: Command) =>
        runCommand(command, async (run) => {
          const { at, branch, name, tools } = options;
          const change = await changeOf(options);
          return run.withClient(
            async (client) => {
              const fork = await client.checkpoints.fork(
                { thread, branch, at, tools, change, ...(name === undefined ? {} : { name }) },
                { timeoutMs: options.timeout * 1000 },
              );
              const from = fork.from ? `, turn ${fork.from.turn} after step ${fork.from.steps}` : '';
              run.output.say(
                dim(
                  `branch ${oneLine(fork.branch)} left ${oneLine(fork.parent)} at position ${fork.position}${oneLine(from)}`,
                  process.stderr,
                ),
              );
              if (fork.turn === null) {
                run.output.say(`It waits: ${commandLine('send', thread, '--branch', fork.branch)} …`);
                return { data: fork, text: '' };
              }
              const answered = await withApprovals(client, fork.turn);
              const answer = answerOf(answered);
              run.output.say(dim(`${commandLine('diff', thread, fork.parent, fork.branch)} compares`, process.stderr));
              return { ...answer, data: { ...fork, approvals: answered.approvals } };
            },
            'turn' in at ? at.turn : thread,
          );
        }),
      ),
    {
      examples: [
        'fork demo --at refund-1/0 --message "Please refund order A-1002."',
        'fork demo --at refund-1/1 --tool-result refund=\'{"status":"refused"}\'',
        'fork demo --at 44 --model gpt-4.1 --name other-model --tools forbid',
      ],
      json: '{thread, branch, parent, position, from: {turn, steps}, tools, turn, approvals}',
    },
  );
}

/** `refund-1/2`, `refund-1` or `44`. */
export function forkPoint(value: string): ForkPoint {
  if (/^\d+$/.test(value)) return { position: wholeNumber(1)(value) };
  const [, turn, step] = /^(.*?)(?:\/(\d+))?$/s.exec(value) ?? [];
  if (turn === undefined || turn === '')
    throw new InvalidArgumentError('Expected <turn>/<step>, <turn> or a position.');
  return { turn, step: step === undefined ? 0 : Number(step) };
}

function pairs(value: string, before: (readonly [string, string])[] = []): (readonly [string, string])[] {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected <name>=<value>.');
  return [...before, [value.slice(0, at), value.slice(at + 1)]];
}

async function changeOf(options: ForkOptions): Promise<ForkChange> {
  const { message, model, instructionsFile, remove, block, removeBlock, toolResult, at } = options;
  const instructions = instructionsFile === undefined ? undefined : await readInstructions(instructionsFile);
  if (toolResult && !('turn' in at))
    throw new UsageError('--tool-result needs a step.', 'Fork at a step: `--at <turn>/<step>`.');
  const step = 'turn' in at ? (at.step ?? 0) : 0;
  return {
    ...(message === undefined ? {} : { message }),
    ...(model === undefined ? {} : { model }),
    ...modelOptionsOf(options),
    ...(instructions === undefined ? {} : { instructions }),
    memory: {
      facts: { remove: remove ?? [] },
      blocks: { set: (block ?? []).map(([label, value]) => ({ label, value })), remove: removeBlock ?? [] },
    },
    toolResult: (toolResult ?? []).map(([call, result]): ForkToolResult => ({
      step,
      result,
      ...(/^\d+$/.test(call) ? { ordinal: Number(call) } : { call }),
    })),
  };
}

/** Text of a file with instructions. Throws UsageError when it cannot be read. */
export async function readInstructions(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trimEnd();
  } catch (error) {
    throw new UsageError(
      `The instructions in ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      'Give a text file.',
    );
  }
}
