import { text as readAll } from 'node:stream/consumers';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { HoldfastClient, SendTurn, WhenBusy } from '../client/index.ts';
import type { Config } from '../config/config.ts';
import { dim } from './format.ts';
import { asTyped, commandLine } from './invocation.ts';
import type { Output } from './output.ts';
import { UsageError } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';
import { showTurn } from './show-turn.ts';
import { answerOf, turnBefore, withApprovals } from './turn-text.ts';

interface SendOptions {
  readonly user?: string;
  readonly agent?: string;
  readonly turn?: string;
  readonly stream?: boolean;
  readonly branch: string;
  readonly whenBusy: WhenBusy;
  readonly timeout: number;
}

/** Registers `send`: one message, one reply. */
export function registerSend(program: Command): void {
  explain(
    program
      .command('send <thread> [text...]')
      .description('send a message and print the reply (text from the arguments or stdin)')
      .option('--user <id>', 'who speaks (default: HOLDFAST_USER)')
      .option('--agent <name>', 'who answers (default: the only agent of the config file)')
      .option('--turn <id>', 'id of the turn: sending it again never runs it again (default: a new UUID)')
      .option('--branch <name>', 'line of history', 'main')
      .addOption(
        new Option('--when-busy <policy>', 'when a turn of the thread has not ended')
          .choices(['queue', 'reject', 'steer'])
          .default('queue'),
      )
      .option('--stream', 'print the words while the model writes them')
      .option('--timeout <seconds>', 'how long to wait; the turn goes on in any case', wholeNumber(0), 60)
      .action((thread: string, words: string[], options: SendOptions, command: Command) =>
        runCommand(command, async (run) => {
          const { config, output } = run;
          if (options.stream && output.json)
            throw new UsageError(
              '--stream has no --json.',
              'Leave one of them out; `turns.stream` of the client gives items.',
            );
          const message = await readMessage(words);
          const agent = options.agent ?? (await onlyAgent(config));
          return run.withClient(async (client) => {
            const turn = options.turn ?? crypto.randomUUID();
            const patience = sayWhenSlow(client, output, turn);
            const request = {
              thread,
              message,
              branch: options.branch,
              user: options.user ?? config.user,
              turn,
              agent,
              whenBusy: options.whenBusy,
            };
            const timeoutMs = options.timeout * 1000;
            const { hasWords, ...answered } = await (
              options.stream
                ? showTurn(client, request, { timeoutMs, onNews: patience.stop })
                : sendAndWait(client, request, timeoutMs)
            ).finally(patience.stop);
            const answer = answerOf(answered);
            const result = answered.turn;
            if (result.status === 'completed') {
              const steps = `${result.steps} ${result.steps === 1 ? 'step' : 'steps'}`;
              output.say(dimOnStderr(`turn ${turn}, ${steps}; ${commandLine('why', turn)} explains it`));
            }
            return hasWords ? { ...answer, text: '' } : answer;
          });
        }),
      ),
    {
      examples: [
        'send demo "Hello, I am Ana and I prefer SMS."',
        'send demo "Please refund order A-1001, it is broken." --turn refund-1',
        'send demo "Tell me more" --stream',
        'send demo --user ben < question.txt',
      ],
      json: '{turn, thread, branch, agent, user, message, occurredAt, position, status, reply, steps, code, detail, waitingFor, approvals}',
    },
  );
}

async function sendAndWait(client: HoldfastClient, request: SendTurn, timeoutMs: number) {
  const answered = await withApprovals(client, await client.turns.send(request, { timeoutMs }));
  return { ...answered, hasWords: false };
}

/** The agent to use when none was named. Throws UsageError when the config file has several. */
export async function onlyAgent(config: Config): Promise<string> {
  const { loadAgents } = await import('../worker/load-agents.ts');
  const names = [...(await loadAgents(config.configFile)).keys()];
  if (names.length === 1 && names[0] !== undefined) return names[0];
  throw new UsageError(
    `${config.configFile} has ${names.length} agents, so --agent must say which one answers.`,
    `Add \`--agent ${names[0] ?? '<name>'}\`; there are ${names.join(', ')}.`,
  );
}

/** Says after a few seconds what the turn waits for, as nothing else would show it. */
export function sayWhenSlow(client: HoldfastClient, output: Output, turn: string): { stop: () => void } {
  let stopped = false;
  const look = async (): Promise<void> => {
    const behind = await turnBefore(client, await client.turns.get(turn));
    if (stopped) return;
    const what = behind
      ? `waiting for turn "${behind.turn}" before it, which is ${behind.status}`
      : 'waiting for the reply (`holdfast doctor` tells whether a worker runs)';
    output.say(dimOnStderr(asTyped(what)));
  };
  // Only talk: what keeps it from being said will be told by the call that we wait for.
  const timer = setTimeout(() => void look().catch(() => undefined), 5_000);
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

const dimOnStderr = (text: string): string => dim(text, process.stderr);

async function readMessage(words: readonly string[]): Promise<string> {
  if (words.length > 0 && !(words.length === 1 && words[0] === '-')) return words.join(' ');
  if (process.stdin.isTTY) {
    throw new UsageError(
      'There is no text to send.',
      'Give it as an argument, as in `holdfast send demo "Hello"`, or pipe it in.',
    );
  }
  return (await readAll(process.stdin)).replace(/\r?\n$/, '');
}
