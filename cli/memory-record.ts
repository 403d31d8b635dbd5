import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { eventSummary } from './event-summary.ts';
import { day, dim, oneLine, statusColour, table, time } from './format.ts';
import { scopeOf, withScope } from './memory-options.ts';
import type { MemoryOptions } from './memory-options.ts';
import { explain, runCommand, timeOf, wholeNumber } from './run-command.ts';

type Memory = HoldfastClient['memory'];
type Fact = Awaited<ReturnType<Memory['get']>>;
type Receipt = Awaited<ReturnType<Memory['correct']>>;
type Item = Awaited<ReturnType<Memory['timeline']>>[number];

const factJson =
  '{fact, kind, subject, relation, value, text, scope, confidence, trust, validFrom, validTo, replaces, replacedBy, disputedWith, position, sources}';
const receiptJson = '{outcome, id, text, reason, position, replayed}';

/** Registers `memory get`, `correct`, `retract`, `history`, `explain` and `timeline`: single memories by their ids, and what happened when. */
export function registerMemoryRecord(memory: Command): void {
  reads(memory);
  changes(memory);
}

function reads(memory: Command): void {
  explain(
    withScope(memory.command('get <memory>').description('one memory, whether it holds still or not')).action(
      (id: string, options: MemoryOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const fact = await client.memory.get({ memory: id, ...placeOf(run.config, options) });
            return { data: fact, text: factLine(fact) };
          }),
        ),
    ),
    { examples: ['memory get m-1f0c --user ana', 'memory get m-1f0c --at 40 --json'], json: factJson },
  );
  explain(
    withScope(
      memory.command('history <memory>').description('the events that made a memory what it is, in order'),
    ).action((id: string, options: MemoryOptions, command: Command) =>
      runCommand(command, (run) =>
        run.withClient(async (client) => {
          const events = await client.memory.history({ memory: id, ...placeOf(run.config, options) });
          const rows = events.map((event) => [
            String(event.position),
            time(event.recordedAt),
            event.type,
            oneLine(eventSummary(event)),
          ]);
          return { data: events, text: table(['POS', 'RECORDED', 'EVENT', 'WHAT'], rows) };
        }),
      ),
    ),
    {
      examples: ['memory history m-1f0c --user ana'],
      json: '[{position, type, data, recordedAt, …}], as `events` gives them',
    },
  );
  explain(
    withScope(
      memory.command('explain <memory>').description('why something is remembered: who said it, what it replaced'),
    ).action((id: string, options: MemoryOptions, command: Command) =>
      runCommand(command, (run) =>
        run.withClient(async (client) => {
          const found = await client.memory.explain({ memory: id, ...placeOf(run.config, options) });
          const others = { 'before it': found.before, 'since it ended': found.after, disputes: found.disputedWith };
          const lines = [
            factLine(found.fact),
            ...found.said.map(
              ({ occurredAt, thread, turn, message }) =>
                `  said ${day(occurredAt)} in ${oneLine(thread)}, turn ${oneLine(turn)}: "${shorten(oneLine(message.text), 300)}"`,
            ),
            ...(found.said.length === 0 ? [dim('  no conversation says it: it was written or corrected by hand')] : []),
            ...Object.entries(others).flatMap(([how, fact]) => (fact === null ? [] : [`  ${how}: ${factLine(fact)}`])),
          ];
          return { data: found, text: lines.join('\n') };
        }),
      ),
    ),
    {
      examples: ['memory explain m-1f0c --user ana'],
      json: '{fact, said: [{thread, branch, turn, message, reply, occurredAt, …}], before, after, disputedWith: a fact or null}',
    },
  );
  explain(
    withScope(memory.command('timeline').description('what was said, began and ended, in the order of the world'))
      .option('--from <time>', 'from this time on', worldTime)
      .option('--to <time>', 'up to, not including, this time', worldTime)
      .option('--limit <n>', 'most rounds, and most facts', wholeNumber(1))
      .action((options: MemoryOptions & { from?: Date; to?: Date }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { from, to, limit } = options;
            const items = await client.memory.timeline({
              ...placeOf(run.config, options),
              ...(from === undefined ? {} : { from }),
              ...(to === undefined ? {} : { to }),
              ...(limit === undefined ? {} : { limit }),
            });
            if (items.length === 0) run.output.say('Nothing is remembered of that time.');
            return { data: items, text: items.map(itemLine).join('\n') };
          }),
        ),
      ),
    {
      examples: ['memory timeline --user ana --from 2026-03-01 --to 2026-04-01'],
      json: '[{kind: "said", time, round} | {kind: "began" | "ended", time, fact}]',
    },
  );
}

function changes(memory: Command): void {
  const changed = (command: Command): Command =>
    command
      .option('--user <id>', 'whose memory it is (default: HOLDFAST_USER)')
      .option('--agent <name>', 'where it lives, if only this agent remembers it')
      .option('--thread <id>', 'where it lives, if it is remembered in this thread only')
      .requiredOption('--reason <text>', 'why; recorded with the change');
  explain(
    changed(memory.command('correct <memory>').description('give a memory another value; what it was is kept'))
      .requiredOption('--value <value>', 'the new value')
      .requiredOption('--text <sentence>', 'the memory as one sentence')
      .action((id: string, options: Changed & { value: string; text: string }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const { value, text, reason } = options;
            const receipt = await client.memory.correct({
              ...{ memory: id, value, text, reason },
              ...{ scope: scopeOf(run.config, options), actor: `user:${run.config.user}` },
            });
            return { data: receipt, text: receiptLine(receipt) };
          }),
        ),
      ),
    {
      examples: ['memory correct m-1f0c --user ana --value 43 --text "Ana wears size 43." --reason "told us by phone"'],
      json: receiptJson,
    },
  );
  explain(
    changed(
      memory
        .command('retract <memory...>')
        .description('end memories, all of them or none; nothing is erased: that is `memory forget`'),
    ).action((memories: string[], options: Changed, command: Command) =>
      runCommand(command, (run) =>
        run.withClient(async (client) => {
          const receipts = await client.memory.retract({
            ...{ memories, reason: options.reason },
            ...{ scope: scopeOf(run.config, options), actor: `user:${run.config.user}` },
          });
          return { data: receipts, text: receipts.map(receiptLine).join('\n') };
        }),
      ),
    ),
    { examples: ['memory retract m-1f0c m-2b77 --user ana --reason "no longer so"'], json: `[${receiptJson}]` },
  );
}

type Changed = MemoryOptions & { readonly reason: string };

function placeOf(config: Parameters<typeof scopeOf>[0], options: MemoryOptions) {
  return { scope: scopeOf(config, options), ...(options.at === undefined ? {} : { at: options.at }) };
}

function worldTime(value: string): Date {
  const found = timeOf(value);
  if (!found) throw new InvalidArgumentError('Expected a time such as 2026-03-01 or 2026-03-01T18:00.');
  return found;
}

function factLine({ fact, kind, text, validFrom, validTo, trust, disputedWith }: Fact): string {
  const disputed = disputedWith === null ? '' : ` ${statusColour('disputed')}`;
  return `${oneLine(text)}${disputed} ${dim(`(${fact}: ${kind}, ${day(validFrom)} – ${validTo ? day(validTo) : 'now'}, ${trust})`)}`;
}

function itemLine(item: Item): string {
  const what = item.kind === 'said' ? `${item.round.message.speaker}: ${item.round.message.text}` : item.fact.text;
  return `${time(item.time)}  ${item.kind.padEnd(5)}  ${shorten(oneLine(what), 300)}`;
}

function receiptLine({ outcome, id, text, reason, position, replayed }: Receipt): string {
  const where = replayed ? `done before, at position ${position}` : `position ${position}`;
  return `${outcome}  ${id ?? ''}  ${oneLine(text)} ${dim(`(${oneLine(reason)}; ${where})`)}`;
}
