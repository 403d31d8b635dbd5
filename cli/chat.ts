import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { ApprovalRow } from '../projections/threads/queries.ts';
import { bold, dim, oneLine, plain } from './format.ts';
import { memoryTable, searchText } from './memory.ts';
import type { Output } from './output.ts';
import { CommandFailedError, UsageError } from './output.ts';
import type { CommandRun } from './run-command.ts';
import { explain, runCommand } from './run-command.ts';
import { onlyAgent, sayWhenSlow } from './send.ts';
import { showTurn } from './show-turn.ts';
import { answerOf, decisionText } from './turn-text.ts';
import { whyText } from './why.ts';

interface ChatOptions {
  readonly user?: string;
  readonly agent?: string;
  readonly branch: string;
}

/** Asks for a line; null when there are no more. */
type Ask = (prompt: string) => Promise<string | null>;

interface Conversation {
  readonly client: HoldfastClient;
  readonly output: Output;
  readonly ask: Ask;
  readonly thread: string;
  readonly branch: string;
  readonly user: string;
  readonly agent: string;
}

const commands = '/why explains the last reply, /memory [query] shows what is remembered, /quit ends';
const timeoutSeconds = 120;

/** Registers `chat`: a conversation in the terminal, approvals included. */
export function registerChat(program: Command): void {
  explain(
    program
      .command('chat [thread]')
      .description('talk to an agent; /why, /memory, /quit; approvals are decided inline (default thread: chat)')
      .option('--user <id>', 'who speaks (default: HOLDFAST_USER)')
      .option('--agent <name>', 'who answers (default: the only agent of the config file)')
      .option('--branch <name>', 'line of history', 'main')
      .action((thread: string | undefined, options: ChatOptions, command: Command) =>
        runCommand(command, async (run) => {
          if (run.output.json) throw new UsageError('chat has no --json.', 'Use `holdfast send <thread> --json`.');
          await converse(run, thread ?? 'chat', options);
          return undefined;
        }),
      ),
    { examples: ['chat', 'chat returns --user ana'], json: 'nothing: use send' },
  );
}

async function converse(run: CommandRun, thread: string, options: ChatOptions): Promise<void> {
  const { config, output } = run;
  const agent = options.agent ?? (await onlyAgent(config));
  await run.withClient(async (client) => {
    const readline = createInterface({ input: process.stdin, output: process.stderr, terminal: process.stdin.isTTY });
    readline.on('SIGINT', () => readline.close());
    // An iterator, not `question`: lines that were piped in before we ask are kept.
    const lines = readline[Symbol.asyncIterator]();
    const ask: Ask = async (prompt) => {
      readline.setPrompt(prompt);
      if (process.stdin.isTTY) readline.prompt();
      const next = await lines.next();
      return next.done === true ? null : next.value.trim();
    };
    const user = options.user ?? config.user;
    output.say(dim(`thread ${thread}, agent ${agent}, user ${user}; ${commands}`, process.stderr));
    try {
      await talk({ client, output, ask, thread, branch: options.branch, user, agent });
    } finally {
      readline.close();
    }
  });
}

async function talk(conversation: Conversation): Promise<void> {
  const { client, output, ask, user, agent } = conversation;
  let last: string | null = null;
  for (;;) {
    const line = await ask(`${user}> `);
    if (line === null || /^\/(q|quit|exit)$/.test(line)) return;
    if (line === '') continue;
    try {
      if (line.startsWith('/')) {
        await runSlash(conversation, line, last);
        continue;
      }
      last = crypto.randomUUID();
      const patience = sayWhenSlow(client, output, last);
      const { thread, branch } = conversation;
      const request = { thread, branch, user, agent, turn: last, message: line };
      const how = { prefix: `${bold(`${agent}>`)} `, timeoutMs: timeoutSeconds * 1000 };
      let shown = await showTurn(client, request, { ...how, onNews: patience.stop }).finally(patience.stop);
      while (shown.turn.status === 'waiting' && (await decideAll(conversation, shown.approvals)))
        shown = await showTurn(client, request, { ...how, from: shown.offset });
      const { text } = answerOf(shown);
      if (!shown.hasWords) print(`${how.prefix}${text}\n`);
    } catch (error) {
      // One message that failed does not end the conversation.
      if (!(error instanceof HoldfastError)) throw error;
      output.fail(error);
    }
  }
}

async function runSlash({ client, output, user, agent, thread }: Conversation, line: string, last: string | null) {
  const [name = '', ...rest] = line.split(' ');
  const scope = { user, agent, thread };
  if (name === '/why') {
    if (last === null) output.say('Nothing has been said yet.');
    else print(`${whyText(await client.turns.explain(last), { prompt: false })}\n`);
  } else if (name === '/memory') {
    const query = rest.join(' ').trim();
    const text =
      query === ''
        ? memoryTable(await client.memory.list({ scope }))
        : searchText((await client.memory.search({ query, scope })).items.filter(({ rejected }) => rejected === null));
    if (text === '') output.say('Nothing is remembered.');
    else print(`${text}\n`);
  } else output.say(`There is no ${name}: ${commands}.`);
}

/** False when the person leaves one open. */
async function decideAll(conversation: Conversation, approvals: readonly ApprovalRow[]): Promise<boolean> {
  for (const approval of approvals) if (!(await decide(conversation, approval))) return false;
  return true;
}

/** Asks until the approval is decided; false when the person leaves it open. */
async function decide({ client, ask, user }: Conversation, approval: ApprovalRow): Promise<boolean> {
  print(
    `${bold('The agent asks')} ${oneLine(approval.reason)}\n  ${approval.tool} ${plain(JSON.stringify(approval.arguments))}\n`,
  );
  const about = { approval: approval.approval, actor: user, argumentsHash: approval.argumentsHash };
  for (;;) {
    const choice = (await ask('[a]pprove, [e]dit, [r]eject, or leave it [open]? '))?.toLowerCase() ?? 'open';
    if (choice === 'open' || choice === '/quit') return false;
    try {
      const decision =
        choice === 'a' || choice === 'approve'
          ? { ...about, decision: 'approve' as const }
          : choice === 'e' || choice === 'edit'
            ? { ...about, decision: 'edit' as const, arguments: await askArguments(ask) }
            : choice === 'r' || choice === 'reject'
              ? { ...about, decision: 'reject' as const, reason: (await ask('why? ')) ?? '' }
              : null;
      if (!decision) continue;
      const outcome = await client.approvals.decide(decision);
      print(dim(`${outcome.applied ? '' : 'Somebody was faster: '}${decisionText(outcome.approval)}\n`));
      return true;
    } catch (error) {
      if (!(error instanceof HoldfastError) || error instanceof CommandFailedError) throw error;
      print(`${error.message}\n${error.hint === undefined ? '' : `→ ${error.hint}\n`}`);
    }
  }
}

async function askArguments(ask: Ask): Promise<unknown> {
  const text = (await ask('arguments as JSON: ')) ?? '';
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new HoldfastError('INVALID_DECISION', `That is not JSON: ${text}`, { cause });
  }
}

const print = (text: string): void => void process.stdout.write(text);
