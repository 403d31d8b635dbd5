import { setTimeout as delay } from 'node:timers/promises';
import inspector from 'node:inspector';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
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
      .option(
        '--inspect [host:port]',
        'wait for a debugger that can stop in workflow code (default: 127.0.0.1:9229)',
        inspectAt,
      )
      .action((turn: string, { inspect }: { inspect?: InspectAt | true }, command: Command) =>
        runCommand(command, async (run) => {
          const { archived, steps } = await run.withClient(async (client) => {
            // First, so that an unknown turn is an error at once and not after a wait.
            const { steps } = await client.turns.explain(turn);
            return { archived: await awaitHistory(client, run.output, turn), steps };
          }, turn);
          if (inspect) await awaitDebugger(run.output, inspect === true ? { host: '127.0.0.1', port: 9229 } : inspect);
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

/**
 * Opens the inspector of this process, says how to attach, and waits until a debugger has: the replay runs in this thread, without a
 * limit on its time, so breakpoints in workflow code stop it. Under `node --inspect` there is one already.
 */
async function awaitDebugger(output: Output, { host, port }: InspectAt): Promise<void> {
  if (inspector.url() !== undefined) return;
  inspector.open(port, host);
  output.say(
    [
      `The replay waits for a debugger at ${inspector.url() ?? `${host}:${port}`}`,
      `Attach with chrome://inspect, with your editor ("attach" to ${new URL(inspector.url() ?? '').host}), or with \`node inspect ${new URL(inspector.url() ?? '').host}\`,`,
      'set a breakpoint in workflows/agent-turn.ts (source maps are on), and let it run.',
    ].join('\n'),
  );
  inspector.waitForDebugger();
  // Gives the debugger its turn before the work begins.
  await delay(0);
}

interface InspectAt {
  readonly host: string;
  readonly port: number;
}

/** `9229`, or `127.0.0.1:9229`. */
function inspectAt(value: string): InspectAt {
  const [, host = '127.0.0.1', port] = /^(?:(.+):)?(\d{1,5})$/.exec(value) ?? [];
  if (port === undefined || Number(port) > 65_535) throw new InvalidArgumentError('Expected a port or host:port.');
  return { host, port: Number(port) };
}
