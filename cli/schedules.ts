import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { CreateSchedule, HoldfastClient, ScheduleOutcome, ScheduleTimes } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import type { ScheduleRow } from '../projections/schedules/queries.ts';
import { dim, oneLine, plain, table } from './format.ts';
import { UsageError } from './output.ts';
import type { CommandRun } from './run-command.ts';
import { explain, runCommand, timeOf, wholeNumber } from './run-command.ts';
import { onlyAgent } from './send.ts';

interface CreateOptions {
  readonly cron?: string;
  readonly every?: number;
  readonly at?: string;
  readonly agent?: string;
  readonly user?: string;
  readonly branch: string;
}

const scheduleJson = '{schedule, thread, branch, agent, user, message, timing, paused, position}';

/** Registers `schedules` with its subcommands: turns that a timer starts. */
export function registerSchedules(program: Command): void {
  const schedules = program.command('schedules').description('have a timer start turns');
  explain(
    schedules
      .command('ls')
      .description('list the schedules')
      .action((_options: object, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const rows = await client.schedules.list();
            if (rows.length === 0) run.output.say('There is no schedule.');
            return { data: rows, text: rows.length === 0 ? '' : listText(rows) };
          }),
        ),
      ),
    { examples: ['schedules ls --json'], json: `[${scheduleJson}]` },
  );
  explain(
    schedules
      .command('create <id> <thread> <text...>')
      .description('send a message at times; `-` as text reads it from stdin')
      .option('--cron <expression>', 'five fields, UTC')
      .option('--every <seconds>', 'again and again', wholeNumber(1))
      .option('--at <time>', 'once, ISO 8601')
      .option('--agent <name>', 'who answers (default: the only agent of the config file)')
      .option('--user <id>', 'whose turns they are (default: nobody)')
      .option('--branch <name>', 'line of history', 'main')
      .action((id: string, thread: string, words: string[], options: CreateOptions, command: Command) =>
        runCommand(command, async (run) => {
          const { branch, user } = options;
          const request: CreateSchedule = {
            id,
            thread,
            branch,
            agent: options.agent ?? (await onlyAgent(run.config)),
            message: words.length === 1 && words[0] === '-' ? readFileSync(0, 'utf8').trim() : words.join(' '),
            ...(user === undefined ? {} : { user }),
            ...timesOf(options),
          };
          return run.withClient(async (client) => {
            const data = await client.schedules.create(request);
            sayUntold(run, data);
            return { data, text: `schedule ${plain(id)} ${timingText(data)}` };
          });
        }),
      ),
    {
      examples: [
        'schedules create weekly demo "How did the week go?" --cron "0 9 * * 1"',
        'schedules create later demo "Ask again." --at 2026-12-24T18:00',
      ],
      json: `${scheduleJson} and told`,
    },
  );
  registerChange(schedules, 'pause', 'stop it for the time being', (client, id, by) => client.schedules.pause(id, by));
  registerChange(schedules, 'resume', 'let it go on', (client, id, by) => client.schedules.resume(id, by));
  registerChange(schedules, 'delete', 'end it for good', (client, id, by) => client.schedules.delete(id, by));
}

function registerChange(
  schedules: Command,
  name: 'pause' | 'resume' | 'delete',
  description: string,
  change: (client: HoldfastClient, id: string, by: { readonly actor: string }) => Promise<ScheduleOutcome>,
): void {
  explain(
    schedules
      .command(`${name} <id>`)
      .description(description)
      .option('--actor <id>', 'who says so (default: HOLDFAST_USER)')
      .action((id: string, { actor }: { actor?: string }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const data = await change(client, id, { actor: actor ?? run.config.user });
            sayUntold(run, data);
            return { data, text: `schedule ${plain(id)} ${name}d` };
          }),
        ),
      ),
    { examples: [`schedules ${name} weekly`], json: `${scheduleJson} and told` },
  );
}

function sayUntold(run: CommandRun, { told }: ScheduleOutcome): void {
  if (!told) run.output.say(dim('Temporal is out of reach; the sweeper tells it later', process.stderr));
}

function timesOf({ cron, every, at }: CreateOptions): ScheduleTimes {
  const time = at === undefined ? undefined : timeOf(at);
  if (at !== undefined && time === undefined) throw new UsageError(`--at is no time: ${at}`, 'Give ISO 8601.');
  if ([cron, every, at].filter((one) => one !== undefined).length !== 1)
    throw new UsageError('A schedule needs one of --cron, --every and --at.', 'Give exactly one of them.');
  if (cron !== undefined) return { cron };
  return every === undefined ? { at: time ?? new Date(Number.NaN) } : { everyMs: every * 1_000 };
}

function listText(rows: readonly ScheduleRow[]): string {
  return table(
    ['SCHEDULE', 'FIRES', 'THREAD', 'AGENT', 'MESSAGE'],
    rows.map((row) => [
      oneLine(row.schedule),
      row.paused ? `paused (${timingText(row)})` : timingText(row),
      oneLine(row.thread),
      row.agent,
      shorten(oneLine(row.message), 100),
    ]),
  );
}

function timingText({ timing }: ScheduleRow): string {
  if (timing.cron !== null) return `by cron ${timing.cron}`;
  return timing.at !== null ? `at ${timing.at}` : `every ${(timing.everyMs ?? 0) / 1_000} s`;
}
