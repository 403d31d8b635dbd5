import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { HoldfastClient } from '../client/index.ts';
import type { StoredEvent } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { eventSummary } from './event-summary.ts';
import { dim, oneLine, table, time } from './format.ts';
import type { Output } from './output.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

interface EventsOptions {
  readonly follow?: boolean;
  readonly after: number;
}

/** Registers `events`: the log of one thread. */
export function registerEvents(program: Command): void {
  explain(
    program
      .command('events <thread>')
      .description('show what was recorded about a thread, in order')
      .option('--after <position>', 'only events after this position', wholeNumber(0), 0)
      .option('-f, --follow', 'go on with new events until Ctrl-C')
      .action((thread: string, options: EventsOptions, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            if (options.follow !== true) {
              const events = await eventsAfter(client, thread, options.after);
              return { data: events, text: eventTable(events) };
            }
            await follow(client, run.output, thread, options.after);
            return undefined;
          }, thread),
        ),
      ),
    {
      examples: ['events demo', 'events demo --follow', 'events demo --after 40 --json'],
      json: '[{position, recordedAt, type, stream, version, schemaVersion, subjects, data}]; with --follow one line per event, data is the event',
    },
  );
}

async function eventsAfter(client: HoldfastClient, thread: string, after: number): Promise<StoredEvent<MemoryEvent>[]> {
  return (await client.threads.events(thread)).filter(({ position }) => position > after);
}

async function follow(client: HoldfastClient, output: Output, thread: string, after: number): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // Events of a thread may be recorded by commands that overlap, but positions only grow: the last one seen is enough.
  let last = after;
  while (!stopping.signal.aborted) {
    for (const event of await eventsAfter(client, thread, last)) {
      last = event.position;
      output.answer({ data: event, text: rowOf(event).join('  ') });
    }
    await delay(500, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
}

function eventTable(events: readonly StoredEvent<MemoryEvent>[]): string {
  return table(['POS', 'RECORDED', 'TYPE', 'STREAM', 'SUMMARY'], events.map(rowOf));
}

function rowOf(event: StoredEvent<MemoryEvent>): string[] {
  return [
    String(event.position),
    time(event.recordedAt),
    event.type,
    dim(oneLine(event.stream)),
    oneLine(eventSummary(event)),
  ];
}
