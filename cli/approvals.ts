import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import type { ApprovalDecision } from '../client/index.ts';
import { registerAllowances } from './allowances.ts';
import { dim, oneLine, plain, statusColour, table, time } from './format.ts';
import { commandLine } from './invocation.ts';
import { CommandFailedError, UsageError } from './output.ts';
import type { CommandRun } from './run-command.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';
import { answerOf, approvalStatus, approvalText, decisionText, withApprovals } from './turn-text.ts';
import type { Answer } from './output.ts';

interface DecideOptions {
  readonly actor?: string;
  readonly hash?: string;
  readonly wait?: number;
}

const approvalJson =
  '{approval, turn, thread, branch, step, ordinal, tool, arguments, argumentsHash, argumentsSchema, reason, risk, deadline, onTimeout, escalatedTo, turnEnded, decision: {decision, actor, reason, arguments, message, timedOut, remember, position} or null}';

/** Registers `approvals` with its subcommands. */
export function registerApprovals(program: Command): void {
  const approvals = program.command('approvals').description('see and decide what agents ask people');
  explain(
    approvals
      .command('ls')
      .description('list the approvals that wait')
      .option('--all', 'also those that were decided')
      .action(({ all = false }: { all?: boolean }, command: Command) =>
        runCommand(command, (run) => run.withClient((client) => list(run, client.approvals.list({ pending: !all })))),
      ),
    { examples: ['approvals ls', 'approvals ls --all --json'], json: `[${approvalJson}]` },
  );
  explain(
    approvals
      .command('show <id>')
      .description('show one approval')
      .action((id: string, _options: object, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const approval = await client.approvals.get(id);
            return { data: approval, text: approvalText(approval) };
          }, id),
        ),
      ),
    { examples: ['approvals show refund-1.2.0'], json: approvalJson },
  );
  registerAllowances(approvals);
  registerDecision(
    approvals,
    'approve',
    'let the calls happen as asked',
    'approvals approve refund-1.2.0 --actor ben',
    (command) => command.option('--remember', 'and let this tool run in this thread without asking from now on'),
  );
  registerDecision(
    approvals,
    'edit',
    'let the call happen with other arguments',
    `approvals edit refund-1.2.0 --args '{"order":"A-1001","amount":20}'`,
    (command) =>
      command
        .requiredOption('--args <json>', 'all arguments of the call, as a JSON object')
        .option('--reason <text>', 'why, for the record'),
  );
  registerDecision(
    approvals,
    'reject',
    'do not let the call happen; the agent is told',
    'approvals reject refund-1.2.0 --reason "too old"',
    (command) => command.option('--reason <text>', 'why; the agent reads it'),
  );
  registerDecision(
    approvals,
    'respond',
    'answer in place of the tool: the call does not happen',
    'approvals respond refund-1.2.0 --message "Offer a voucher instead."',
    (command) => command.requiredOption('--message <text>', 'what the agent gets as the result'),
  );
}

async function list(run: CommandRun, reading: Promise<Parameters<typeof approvalText>[0][]>): Promise<Answer> {
  const rows = await reading;
  if (rows.length === 0) {
    run.output.say('No approval waits.');
    return { data: [], text: '' };
  }
  const text = table(
    ['APPROVAL', 'STATUS', 'RISK', 'DEADLINE', 'THREAD', 'TOOL', 'ASKS'],
    rows.map((row) => [
      row.approval,
      statusColour(approvalStatus(row)),
      row.risk,
      time(row.deadline),
      oneLine(row.thread),
      row.tool,
      row.decision ? `${oneLine(row.reason)} ${dim(`(${decisionText(row)})`)}` : oneLine(row.reason),
    ]),
  );
  return { data: rows, text };
}

function registerDecision(
  approvals: Command,
  decision: ApprovalDecision['decision'],
  description: string,
  example: string,
  extend: (command: Command) => Command = (command) => command,
): void {
  // Edited arguments fit one call; everything else may be said about several.
  const ids = decision === 'edit' ? '<id>' : '<id...>';
  const command = extend(approvals.command(`${decision} ${ids}`).description(description))
    .option('--actor <id>', 'who decides (default: HOLDFAST_USER)')
    .option('--hash <hash>', 'only if the approval still asks about the arguments with this argumentsHash')
    .option('--wait <seconds>', 'then wait for the turn and print its reply', wholeNumber(1));
  command.action(
    (
      given: string | string[],
      options: DecideOptions & { args?: string; reason?: string; message?: string; remember?: boolean },
      own: Command,
    ) =>
      runCommand(own, async (run) => {
        const { args, reason, message, hash } = options;
        const request: Omit<ApprovalDecision, 'approval'> = {
          decision,
          ...(options.remember ? { remember: 'thread' } : {}),
          actor: options.actor ?? run.config.user,
          ...(args === undefined ? {} : { arguments: parseArguments(args) }),
          ...(reason === undefined ? {} : { reason }),
          ...(message === undefined ? {} : { message }),
          ...(hash === undefined ? {} : { argumentsHash: hash }),
        };
        const [first = '', ...more] = [given].flat();
        if (more.length === 0) return decide(run, { ...request, approval: first }, options.wait);
        if (options.wait !== undefined || hash !== undefined)
          throw new UsageError(
            '--wait and --hash go with one approval.',
            'Decide them one by one, or leave the option out.',
          );
        return decideSeveral(run, [first, ...more], request);
      }),
  );
  explain(command, {
    examples: [example],
    json: `{applied, approval: ${approvalJson}, turn}; turn only with --wait; of several [{approval: id, applied, error: {code, message} or null}]`,
  });
}

async function decide(run: CommandRun, request: ApprovalDecision, waitSeconds?: number): Promise<Answer> {
  return run.withClient(async (client) => {
    const outcome = await client.approvals.decide(request);
    const { approval } = outcome;
    // The same person may have edited before, to other arguments: then those stand.
    const edited = request.decision !== 'edit' || isDeepStrictEqual(approval.decision?.arguments, request.arguments);
    const applied = outcome.applied && edited;
    const data = { applied, approval };
    if (!applied) {
      const show = `See it with \`${commandLine('approvals', 'show', approval.approval)}\`.`;
      if (approval.decision === null) {
        const message = `Turn "${approval.turn}" has ended, so nothing was decided.`;
        throw new CommandFailedError('TURN_ENDED', message, show, { data, text: '' });
      }
      const message = `This stands: approval "${approval.approval}" was ${decisionText(approval)}.`;
      throw new CommandFailedError('ALREADY_DECIDED', message, show, { data, text: '' });
    }
    const text = `approval ${plain(approval.approval)} ${decisionText(approval)}`;
    if (waitSeconds === undefined) {
      run.output.say(dim(`the turn goes on; ${commandLine('threads', approval.thread)} shows it`, process.stderr));
      return { data, text };
    }
    run.output.say(dim(text, process.stderr));
    const turn = await client.turns.result(approval.turn, { timeoutMs: waitSeconds * 1000 });
    const answer = answerOf(await withApprovals(client, turn));
    return { data: { ...data, turn: answer.data }, text: answer.text };
  }, request.approval);
}

/** Decides several, each on its own; fails with the first refusal when there is one, after all were tried. */
async function decideSeveral(
  run: CommandRun,
  ids: readonly string[],
  request: Omit<ApprovalDecision, 'approval'>,
): Promise<Answer> {
  return run.withClient(async (client) => {
    const results = await client.approvals.decideAll([...new Set(ids)].map((approval) => ({ ...request, approval })));
    const data = results.map(({ approval, outcome, error }) => ({
      approval,
      applied: outcome?.applied ?? false,
      error: error === null ? null : { code: error.code, message: error.message },
    }));
    const text = results
      .map(({ approval, outcome, error }) =>
        outcome
          ? `approval ${plain(approval)} ${outcome.applied ? '' : 'stands as it was: '}${decisionText(outcome.approval)}`
          : `approval ${plain(approval)} ${error.code}: ${oneLine(error.message)}`,
      )
      .join('\n');
    const left = data.filter(({ applied }) => !applied);
    const [refused] = left;
    if (refused === undefined) return { data, text };
    throw new CommandFailedError(
      refused.error?.code ?? 'ALREADY_DECIDED',
      `${left.length} of ${data.length} approvals were not decided by this.`,
      'The lines above tell which; the others were.',
      { data, text },
    );
  });
}

function parseArguments(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`--args is not JSON: ${text}`, `Quote it for the shell: --args '{"order":"A-1001"}'.`);
  }
  return value;
}
