import { createHash } from 'node:crypto';
import { InvalidCommandError } from './errors.ts';
import type { Command, EventShape, ExpectedVersion } from './event.ts';

/**
 * Limits of one command. Larger things belong in several commands, or in a reference. Names are index keys, which PostgreSQL
 * takes up to about 2,700 bytes.
 */
export const commandLimits = { events: 10_000, bytes: 32 * 1024 * 1024, idBytes: 1_000, nameBytes: 1_000 } as const;

/** A command in the form the append function takes. */
export interface EncodedCommand {
  readonly envelope: object;
  readonly data: readonly string[];
  readonly meta: string;
  readonly result: string;
}

/**
 * Checks a command and turns it into exact JSON texts. JSON.stringify writes NUL and lone surrogates as escapes, so any
 * JavaScript string survives. Throws InvalidCommandError.
 */
export function encodeCommand<E extends EventShape>(command: Command<E>): EncodedCommand {
  checkName('Command id', command.id, commandLimits.idBytes);
  if (command.events.length === 0 || command.events.length > commandLimits.events) {
    throw new InvalidCommandError(
      `Command "${command.id}" has ${command.events.length} events; expected 1 to ${commandLimits.events}.`,
    );
  }
  const indexes = new Map<string, number>();
  for (const { name } of command.streams) {
    checkName('Stream name', name, commandLimits.nameBytes);
    if (indexes.has(name)) throw new InvalidCommandError(`Command "${command.id}" names stream "${name}" twice.`);
    indexes.set(name, indexes.size);
  }
  const data: string[] = [];
  const events = command.events.map((event) => {
    const index = indexes.get(event.stream);
    if (index === undefined) {
      throw new InvalidCommandError(
        `Command "${command.id}" has an event for stream "${event.stream}" without an expected version.`,
        "Name the stream in `streams`; write expectedVersion: 'any' when no check is wanted.",
      );
    }
    checkName('Event type', event.type, commandLimits.nameBytes);
    data.push(exactJson(event.data, `data of ${event.type}`));
    for (const subject of event.subjects ?? []) checkName('Subject', subject, commandLimits.nameBytes);
    const v = event.schemaVersion ?? 1;
    if (!Number.isInteger(v) || v < 1 || v > 32_767) {
      throw new InvalidCommandError(
        `Schema version of ${event.type} is ${v}; expected a whole number from 1 to 32767.`,
      );
    }
    return { s: index, type: event.type, v, subjects: event.subjects?.length ? event.subjects : null };
  });
  const streams = command.streams.map(({ name, expectedVersion, seal }) => ({
    name,
    expect: encodeExpectation(expectedVersion),
    seal: seal ?? false,
  }));
  const result = exactJson(command.result ?? {}, 'result');
  const meta = exactJson(command.meta ?? {}, 'meta');
  const bytes = [...data, result, meta].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > commandLimits.bytes) {
    throw new InvalidCommandError(
      `Command "${command.id}" is ${bytes} bytes long; expected at most ${commandLimits.bytes}.`,
      'Split it into several commands, or store large content elsewhere and reference it.',
    );
  }
  // What makes two commands the same: streams, events and answer; not who sent them (meta differs between attempts), nor
  // how they were spelled (order of properties, defaults written out).
  const hash = createHash('sha256');
  for (const part of [JSON.stringify(events), JSON.stringify(streams), ...data, result]) {
    hash.update(`${part.length}:`).update(part);
  }
  return {
    envelope: {
      id: command.id,
      hash: hash.digest('hex'),
      n: events.length,
      streams,
      events,
    },
    data,
    meta,
    result,
  };
}

const expectationCodes = { none: 0, any: -1, some: -2 } as const;

function encodeExpectation(expected: ExpectedVersion): number {
  if (typeof expected === 'string') return expectationCodes[expected];
  if (!Number.isSafeInteger(expected) || expected < 0) {
    throw new InvalidCommandError(
      `Expected version ${expected} is not a version; expected 0, 1, 2 …, 'none', 'some' or 'any'.`,
    );
  }
  return expected;
}

function checkName(what: string, value: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > maxBytes) {
    throw new InvalidCommandError(`${what} has ${bytes} bytes; expected 1 to ${maxBytes}.`);
  }
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new InvalidCommandError(
      `${what} ${JSON.stringify(value)} holds a NUL or a lone surrogate; names must be plain text.`,
    );
  }
}

function exactJson(value: object, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new InvalidCommandError(`The ${what} cannot be written as JSON: ${String(error)}`);
  }
  // A toJSON() may answer with nothing at all.
  if (text === (undefined as unknown)) throw new InvalidCommandError(`The ${what} is not a JSON value.`);
  return text;
}
