import type { Command } from 'commander';
import type { StatePoint, ThreadState } from '../client/index.ts';
import { ThreadNotFoundError } from '../client/client-errors.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { shorten } from '../memory/text.ts';
import { bold, dim, indent, oneLine, plain, statusColour } from './format.ts';
import { memoryTable } from './memory.ts';
import { explain, runCommand, timeOf } from './run-command.ts';

/** Registers `state`: a thread as it was. */
export function registerState(program: Command): void {
  explain(
    program
      .command('state <thread>')
      .description('show a thread and its memory, now or as it was')
      .option(
        '--at <turn|position|time>',
        'after this turn, at this position of the log, or at this time (turn:<id> if an id looks like one)',
      )
      .option('--branch <name>', 'line of history', 'main')
      .action((thread: string, { at, branch }: { at?: string; branch: string }, command: Command) =>
        runCommand(command, (run) => {
          const point = pointOf(at);
          const wanted = typeof point === 'object' && 'turn' in point ? point.turn : thread;
          return run.withClient(async (client) => {
            try {
              const state = await client.threads.state({ thread, branch, at: point });
              return { data: state, text: stateText(state) };
            } catch (error) {
              if (!(error instanceof ThreadNotFoundError)) throw error;
              // Known, but not yet at that position: another thing than a thread that never was.
              const [first] = await client.turns.list({ thread, branch });
              if (!first) throw error;
              throw new HoldfastError(error.code, `Thread "${thread}" had not begun at ${at ?? 'that point'}.`, {
                hint: `Its first turn is at position ${first.position}.`,
              });
            }
          }, wanted);
        }),
      ),
    {
      examples: [
        'state demo',
        'state demo --at refund-1',
        'state demo --at 2026-05-30T18:00',
        'state demo --at 12 --json',
      ],
      json: '{thread, branch, position, turns, messages, facts, procedures, blocks, pendingApprovals}',
    },
  );
}

function pointOf(at: string | undefined): StatePoint {
  if (at === undefined) return 'now';
  if (/^\d+$/.test(at)) return { position: Number(at) };
  const time = timeOf(at);
  if (time) return { time };
  return { turn: at.replace(/^turn:/, '') };
}

function stateText({ thread, branch, position, ...state }: ThreadState): string {
  const sections: string[] = [
    `${bold(`thread ${oneLine(thread)}`)}, branch ${oneLine(branch)}, at position ${position}`,
  ];
  const add = (title: string, body: string): void =>
    void sections.push(`${bold(title)}\n${body === '' ? dim('  none') : indent(body, '  ')}`);
  add(
    'turns',
    state.turns
      .map((turn) => `${oneLine(turn.turn)}  ${statusColour(turn.status)}  ${shorten(oneLine(turn.message), 120)}`)
      .join('\n'),
  );
  add(
    'messages of completed turns',
    state.messages
      .map((message) => {
        const calls =
          'toolCalls' in message ? message.toolCalls.map((call) => `${call.name} ${plain(call.arguments)}`) : [];
        const text = [...(message.content ? [oneLine(message.content)] : []), ...calls].join(' → ');
        return `${dim(`${String(message.position).padStart(5)} ${message.role.padEnd(9)}`)} ${shorten(text, 300)}`;
      })
      .join('\n'),
  );
  add('facts', memoryTable(state.facts));
  add(
    'how-tos',
    state.procedures
      .map((row) => `${oneLine(row.goal)} ${dim(`version ${row.version}`)}\n  ${oneLine(row.text)}`)
      .join('\n'),
  );
  add(
    'blocks',
    state.blocks
      .map(
        (block) => `${oneLine(block.label)} ${dim(`${block.value.length}/${block.limit}`)}\n  ${oneLine(block.value)}`,
      )
      .join('\n'),
  );
  add('approvals that wait', state.pendingApprovals.map((row) => `${row.approval}  ${oneLine(row.reason)}`).join('\n'));
  return sections.join('\n\n');
}
