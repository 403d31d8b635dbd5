import type { LoggedCommand, LoggedEvent } from './logged-command.ts';
import type { Position } from '../event.ts';

/**
 * The lines of a segment file (docs/segments.md). Exact JSON texts of the log travel as JSON strings and are never opened, so
 * they come back byte for byte.
 */
export type SegmentLine =
  | { readonly header: SegmentHeader }
  | { readonly command: LoggedCommand }
  | { readonly streams: readonly SegmentStream[] }
  | { readonly sealed: readonly number[] }
  | { readonly end: SegmentEnd };

/** First line: which part of which log follows. */
export interface SegmentHeader {
  readonly tenant: string;
  /** First position. */
  readonly from: Position;
  /** Last position; the end of a command. */
  readonly to: Position;
  /** Chain after position `from - 1`, in hex; '' at the start of the log. */
  readonly chainBefore: string;
  /** Chain after `to`, in hex. */
  readonly chainAfter: string;
  /** Number of streams of the log after this segment, as far as events and earlier segments show them. */
  readonly streams: number;
  /** Last archived position of the log when the segment was written. */
  readonly base: Position;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A stream as of the segment's end: those with events in it, and those created meanwhile that have none. */
export interface SegmentStream {
  readonly no: number;
  readonly name: string;
  readonly version: number;
  readonly sealed: boolean;
}

/** Last line: what must have come before it. */
export interface SegmentEnd {
  readonly commands: number;
  readonly events: number;
  /** Lines of all kinds before this one. */
  readonly lines: number;
  /** SHA-256 over the bytes of all lines before this one, each with its newline, in hex. */
  readonly sha256: string;
}

/** Version of the format; a reader refuses others. */
export const segmentFormat = { name: 'holdfast-segment', version: 1 } as const;

/** Writes a line, with its newline. */
export function encodeLine(line: SegmentLine): string {
  return `${JSON.stringify(toJson(line))}\n`;
}

function toJson(line: SegmentLine): object {
  if ('header' in line) return { format: segmentFormat.name, version: segmentFormat.version, ...line.header };
  if ('streams' in line) {
    return { streams: line.streams.map(({ no, name, version, sealed }) => [no, name, version, sealed]) };
  }
  if (!('command' in line)) return line;
  const { id, bodyHash, firstPosition, lastPosition, micros, chain, meta, result, events } = line.command;
  const streams = new Map(events.map(({ streamNo, stream }) => [streamNo, stream]));
  const places = new Map([...streams.keys()].map((no, index) => [no, index]));
  const command = { id, hash: bodyHash, first: firstPosition, last: lastPosition, at: micros, chain, meta, result };
  return {
    command: {
      ...command,
      streams: [...streams],
      events: events.map(({ streamNo, version, type, schemaVersion, subjects, data }) => ({
        s: places.get(streamNo),
        v: version,
        type,
        sv: schemaVersion,
        ...(subjects.length === 0 ? {} : { subjects }),
        data,
      })),
    },
  };
}

/** Reads a line. Throws an Error that says what was expected; callers say in which file. */
export function decodeLine(text: string): SegmentLine {
  const line = asObject(JSON.parse(text), 'line');
  if ('format' in line) return { header: decodeHeader(line) };
  if ('command' in line) return { command: decodeCommand(asObject(line['command'], 'command')) };
  if ('streams' in line) {
    return {
      streams: asList(line['streams'], 'streams').map((item) => {
        const [no, name, version, sealed] = asList(item, 'stream');
        return {
          no: asCount(no, 'number'),
          name: asText(name, 'name'),
          version: asCount(version, 'version'),
          sealed: sealed === true,
        };
      }),
    };
  }
  if ('sealed' in line) return { sealed: asList(line['sealed'], 'sealed').map((no) => asCount(no, 'number')) };
  const end = asObject(line['end'], 'end');
  return {
    end: {
      commands: asCount(end['commands'], 'commands'),
      events: asCount(end['events'], 'events'),
      lines: asCount(end['lines'], 'lines'),
      sha256: asText(end['sha256'], 'sha256'),
    },
  };
}

function decodeHeader(line: Readonly<Record<string, unknown>>): SegmentHeader {
  if (line['format'] !== segmentFormat.name || line['version'] !== segmentFormat.version) {
    throw new Error(
      `format ${String(line['format'])} version ${String(line['version'])}, expected ${segmentFormat.name} ${segmentFormat.version}`,
    );
  }
  return {
    tenant: asText(line['tenant'], 'tenant'),
    from: asCount(line['from'], 'from'),
    to: asCount(line['to'], 'to'),
    chainBefore: asText(line['chainBefore'], 'chainBefore'),
    chainAfter: asText(line['chainAfter'], 'chainAfter'),
    streams: asCount(line['streams'], 'streams'),
    base: asCount(line['base'], 'base'),
    createdAt: asText(line['createdAt'], 'createdAt'),
  };
}

function decodeCommand(command: Readonly<Record<string, unknown>>): LoggedCommand {
  const micros = asText(command['at'], 'at');
  const firstPosition = asCount(command['first'], 'first');
  const streams = asList(command['streams'], 'streams').map((item) => {
    const [no, name] = asList(item, 'stream');
    return { streamNo: asCount(no, 'number'), stream: asText(name, 'name') };
  });
  const events = asList(command['events'], 'events').map((item, index): LoggedEvent => {
    const event = asObject(item, 'event');
    const stream = streams[asCount(event['s'], 's')];
    if (!stream) throw new Error('an event names a stream that its command does not');
    return {
      position: firstPosition + index,
      ...stream,
      version: asCount(event['v'], 'v'),
      type: asText(event['type'], 'type'),
      schemaVersion: asCount(event['sv'], 'sv'),
      subjects: asList(event['subjects'] ?? [], 'subjects').map((subject) => asText(subject, 'subject')),
      micros,
      data: asText(event['data'], 'data'),
    };
  });
  const lastPosition = asCount(command['last'], 'last');
  if (lastPosition !== firstPosition + events.length - 1)
    throw new Error('a command has not as many events as positions');
  return {
    id: asText(command['id'], 'id'),
    bodyHash: asText(command['hash'], 'hash'),
    firstPosition,
    lastPosition,
    micros,
    chain: asText(command['chain'], 'chain'),
    meta: asText(command['meta'], 'meta'),
    result: asText(command['result'], 'result'),
    events,
  };
}

/** The value as an object. Throws an Error that names it. */
export function asObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name, 'an object', value);
  // Any object that JSON can make is a record of unknown values.
  return value as Readonly<Record<string, unknown>>;
}

/** The value as an array. Throws an Error that names it. */
export function asList(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(name, 'a list', value);
  return value;
}

/** The value as a string. Throws an Error that names it. */
export function asText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrong(name, 'a text', value);
  return value;
}

/** The value as a whole number from 0 on. Throws an Error that names it. */
export function asCount(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw wrong(name, 'a whole number', value);
  return value;
}

function wrong(name: string, expected: string, value: unknown): Error {
  return new Error(
    `${name} is not ${expected} but ${value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40)}`,
  );
}
