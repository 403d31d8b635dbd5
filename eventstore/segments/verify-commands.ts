import type pg from 'pg';
import type { Position } from '../event.ts';
import type { Findings } from './findings.ts';
import { bytesOf, chainAfter } from './logged-command.ts';
import type { LoggedCommand, LoggedEvent } from './logged-command.ts';
import { findCommands, readCommandRows } from './read-commands.ts';
import type { CommandRow, EventRecord } from './read-commands.ts';

/** Where a pass over commands stands. */
interface Place {
  /** Last position of the last command. */
  last: Position;
  /** Position of the last event. */
  lastEvent: Position;
  /** In hex. */
  chain: string;
  micros: bigint | null;
  bytes: number;
}

/** What the commands of a log come to, to be compared with its head. */
export interface CommandsSummary {
  readonly last: Position;
  readonly chain: string;
  readonly micros: bigint | null;
  /** Bytes of data, meta and results, those of archived events excepted. */
  readonly bytes: number;
}

export interface VerifyCommandsInput {
  readonly pool: pg.Pool;
  readonly tenant: number;
  /** Last archived position: events are there after it, commands from the start. */
  readonly base: Position;
  readonly upTo: Position;
  readonly findings: Findings;
  /** Called with every event that is there, in order. */
  readonly onEvent: (event: LoggedEvent) => Promise<void>;
  readonly onProgress: (position: Position) => void;
}

/** Checks that commands and events are whole, in order and as the chain says. */
export async function verifyCommands(input: VerifyCommandsInput): Promise<CommandsSummary> {
  const { pool, tenant, base, upTo, findings } = input;
  const place: Place = { last: 0, lastEvent: base, chain: '', micros: null, bytes: 0 };
  // The events are gone, but the commands stay: they still are what their replays are answered from.
  for await (const command of readCommandRows(pool, tenant, { after: 0, upTo: base })) {
    checkOrder(findings, place, command);
    place.bytes += bytesOf({ ...command, events: [] });
    place.chain = command.chain;
  }
  if (place.last !== base) findings.problem('commands', base, `no command ends where the archive ends`);
  place.last = base;

  let orphan: Position | null = null;
  for await (const { command, events } of findCommands(pool, tenant, { after: base, upTo })) {
    for (const event of events) {
      findings.checked('positions');
      if (event.position !== place.lastEvent + 1) missing(findings, place.lastEvent + 1, event.position - 1);
      place.lastEvent = event.position;
      if (event.stream === null) {
        findings.problem('streams', event.position, `stream number ${event.streamNo} of the event is missing`);
      }
      await input.onEvent({ ...event, stream: event.stream ?? '' });
    }
    if (command) checkCommand(findings, place, command, events);
    else {
      const position = events[0]?.position ?? 0;
      if (orphan !== position - 1) findings.problem('commands', position, 'the event belongs to no command');
      orphan = position;
    }
    input.onProgress(place.lastEvent);
  }
  if (place.lastEvent < upTo) missing(findings, place.lastEvent + 1, upTo);
  if (place.last < upTo)
    findings.problem('commands', place.last + 1, `no command covers positions ${place.last + 1} to ${upTo}`);
  return place;
}

function missing(findings: Findings, from: Position, to: Position): void {
  findings.problem('positions', from, from === to ? 'the event is missing' : `the events up to ${to} are missing`);
}

/** Commands follow each other without holes, in order of time. */
function checkOrder(findings: Findings, place: Place, command: CommandRow): void {
  const { id, firstPosition, lastPosition, micros } = command;
  findings.checked('commands');
  findings.checked('times');
  if (firstPosition !== place.last + 1 || lastPosition < firstPosition) {
    const what = `command "${id}" has positions ${firstPosition} to ${lastPosition}, where one must start at ${place.last + 1}`;
    findings.problem('commands', firstPosition, what);
  }
  const time = BigInt(micros);
  if (place.micros !== null && time < place.micros) {
    findings.problem('times', firstPosition, `command "${id}" is older than the one before it`);
  }
  place.last = lastPosition;
  place.micros = time;
}

function checkCommand(findings: Findings, place: Place, row: CommandRow, events: readonly EventRecord[]): void {
  checkOrder(findings, place, row);
  const { id, firstPosition } = row;
  for (const { position, micros } of events) {
    if (micros !== row.micros)
      findings.problem('times', position, `the event has another time than its command "${id}"`);
  }
  findings.checked('chain');
  const command: LoggedCommand = { ...row, events: events.map((event) => ({ ...event, stream: event.stream ?? '' })) };
  if (chainAfter(place.chain, command) !== row.chain) {
    findings.problem('chain', firstPosition, `command "${id}" or one of its events is not what was written`);
  }
  // Goes on from what is stored, so that one change is one finding.
  place.chain = row.chain;
  place.bytes += bytesOf(command);
}
