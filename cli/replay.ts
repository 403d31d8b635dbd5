import { setTimeout as delay } from 'node:timers/promises';
import inspector from 'node:inspector';
import type { Command } from 'commander';
import type { ExplainedStep, HoldfastClient } from '../client/index.ts';
import { HistoryNotArchivedError } from '../client/client-errors.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { ReplayedTurn } from '../worker/replay-turn.ts';
import { statusColour } from './format.ts';
import type { Answer, Output } from './output.ts';
import { CommandFailedError } from './output.ts';
import { explain, runCommand } from './run-command.ts';

/** How long to wait for a history that a worker is about to archive. */
const archiveMs = 10_000;

/** Registers `replay`: proves that a recorded turn would happen again in the same way. */
export function registerReplay(program: Command): void {
  explain(
    program
      .command('replay <turn>')
      .description('run a turn again from its archived history and check its prompts byte for byte')
      .option('--inspect', 'run workflow code where a debugger can stop in it')
      .action((turn: string, { inspect = false }: { inspect?: boolean }, command: Command) =>
        runCommand(command, async (run) => {
          const { archived, steps } = await run.withClient(async (client) => {
            // First, so that an unknown turn is an error at once and not after a wait.
            const { steps } = await client.turns.explain(turn);
            return { archived: await awaitHistory(client, run.output, turn), steps };
          }, turn);
          if (inspect) await awaitDebugger(run.output);
          const replayed = await replayQuietly(archived);
          return judge(turn, replayed, steps);
        }),
      ),
    {
      examples: ['replay refund-1', 'replay refund-1 --json', 'replay refund-1 --inspect'],
      json: '{turn, workflow: {deterministic, events, difference}, prompts: [{step, promptHash, matches, forgotten}]}; also with an error, exit code 6',
    },
  );
}

type Replayed = ReplayedTurn | HoldfastError;

async function replayQuietly(options: {
  readonly history: Uint8Array;
  readonly workflowId: string;
}): Promise<Replayed> {
  // Loaded here: the SDK's native part takes half a second, which other commands need not pay.
  const { replayTurn, ReplayDivergedError } = await import('../worker/replay-turn.ts');
  try {
    return await replayTurn(options);
  } catch (error) {
    if (error instanceof ReplayDivergedError) return error;
    throw error;
  }
}

function judge(turn: string, replayed: Replayed, steps: readonly ExplainedStep[]): Answer {
  const diverged = replayed instanceof HoldfastError ? replayed : null;
  const wrong = steps.filter(({ promptMatches, forgotten }) => !promptMatches && !forgotten).map(({ step }) => step);
  const forgotten = steps.filter((one) => one.forgotten).length;
  const data = {
    turn,
    workflow: diverged
      ? { deterministic: false, events: null, difference: diverged.message }
      : { deterministic: true, events: (replayed as ReplayedTurn).events, difference: null },
    prompts: steps.map(({ step, promptHash, promptMatches, forgotten }) => ({
      step,
      promptHash,
      matches: promptMatches,
      forgotten,
    })),
  };
  const text = [
    diverged
      ? `workflow  ${statusColour('no').replace('no', 'diverged')}`
      : `workflow  ${statusColour('ok')}: ${(replayed as ReplayedTurn).events} history events, the code did the same again`,
    wrong.length > 0
      ? `prompts   ${statusColour('no').replace('no', 'differ')}: step ${wrong.join(', ')} of ${steps.length}`
      : `prompts   ${statusColour('ok')}: ${steps.length - forgotten} of ${steps.length} match what was recorded, byte for byte${
          forgotten > 0 ? `; ${forgotten} held words that were forgotten since` : ''
        }`,
  ].join('\n');
  if (diverged) throw new CommandFailedError(diverged.code, diverged.message, diverged.hint ?? '', { data, text });
  if (wrong.length > 0) {
    throw new CommandFailedError(
      'REPLAY_DIVERGED',
      `The prompt of step ${wrong.join(', ')} cannot be rebuilt as it was recorded.`,
      'Events that it refers to were changed, or the code that builds prompts was. See it with `holdfast why <turn> --prompt`.',
      { data, text },
    );
  }
  return { data, text };
}

async function awaitHistory(client: HoldfastClient, output: Output, turn: string) {
  const deadline = Date.now() + archiveMs;
  for (let told = false; ;) {
    try {
      return await client.turns.history(turn);
    } catch (error) {
      const { status } = await client.turns.get(turn);
      const open = status === 'running' || status === 'waiting';
      if (!(error instanceof HistoryNotArchivedError) || Date.now() > deadline) throw error;
      if (open) {
        throw new HoldfastError(error.code, `Turn "${turn}" is still ${status}; only ended turns can be replayed.`, {
          hint: 'Wait for its end, or decide its approvals with `holdfast approvals ls`.',
          cause: error,
        });
      }
      if (!told) output.say('waiting for a worker to archive the history');
      told = true;
      await delay(250);
    }
  }
}

async function awaitDebugger(output: Output): Promise<void> {
  if (inspector.url() !== undefined) return;
  inspector.open(9229, '127.0.0.1');
  if (!process.stdin.isTTY) return;
  output.say('Attach a debugger (chrome://inspect, or your editor at 127.0.0.1:9229), set a breakpoint in workflows/.');
  inspector.waitForDebugger();
  await delay(0);
}
