import { bodyDigest, contentDigest } from '../chain.ts';
import { InvalidCommandError } from '../errors.ts';
import type { Command, EventShape, ExpectedVersion } from '../event.ts';
import { exactJson, maxJsonDepth } from '../exact-json.ts';
import type { KeyRef } from '../keys/personal-cipher.ts';

/**
 * Limits of one command. Larger things belong in several commands, or in a reference. Names are index keys, which PostgreSQL
 * takes up to about 2,700 bytes.
 */
export const commandLimits = {
  events: 10_000,
  /** Named by one command, with or without events. */
  streams: 10_000,
  /** Of one event. */
  subjects: 1_000,
  /** Of data, meta and result; names come on top, as much again. */
  bytes: 32 * 1024 * 1024,
  idBytes: 1_000,
  nameBytes: 1_000,
  jsonDepth: maxJsonDepth,
} as const;

/** One command's use of one stream. */
export interface EncodedTouch {
  readonly stream: string;
  /** Version from 0, -1 any, -2 some. */
  readonly expect: number;
  readonly seal: boolean;
  /** Events of the command that go to it. */
  readonly added: number;
}

/** One event as the append function takes it. */
export interface EncodedEvent {
  /** Index of its stream among the touches. */
  readonly touch: number;
  /** Place among the command's events of its stream, from 1. */
  readonly ordinal: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly subjects: readonly string[];
  readonly data: string;
}

/** A command in the form the append function takes. */
export interface EncodedCommand {
  readonly id: string;
  /** Identifies what was asked for; the same for a repeat. */
  readonly hash: string;
  /** Digest of what is stored (chain.ts). */
  readonly digest: string;
  /** Size of data, meta and result: what the tenant's quota counts. */
  readonly bytes: number;
  readonly readAt: number | null;
  /** Keys that its personal fields are encrypted with (encrypt-command.ts). */
  readonly keys: readonly KeyRef[];
  readonly meta: string;
  readonly result: string;
  /** Streams in order of their first event, then those without one. */
  readonly touches: readonly EncodedTouch[];
  readonly events: readonly EncodedEvent[];
}

/**
 * Checks a command and turns it into exact JSON texts. JSON.stringify writes NUL and lone surrogates as escapes, so any
 * JavaScript string survives. Throws InvalidCommandError.
 */
export function encodeCommand<E extends EventShape>(command: Command<E>): EncodedCommand {
  checkName('Command id', command.id, commandLimits.idBytes);
  checkCount(`Command "${command.id}"`, 'events', command.events, [1, commandLimits.events]);
  checkCount(`Command "${command.id}"`, 'streams', command.streams, [0, commandLimits.streams]);
  let nameBytes = 0;
  // Streams move from here to `touched` with their first event: the chain knows them in that order.
  const untouched = new Map<string, Touch>();
  for (const { name, expectedVersion, seal = false } of command.streams) {
    nameBytes += checkName('Stream name', name, commandLimits.nameBytes);
    if (untouched.has(name)) throw new InvalidCommandError(`Command "${command.id}" names stream "${name}" twice.`);
    untouched.set(name, { stream: name, expect: encodeExpectation(expectedVersion), seal, added: 0 });
  }
  const asked = JSON.stringify([...untouched.values()]);
  const touched = new Map<string, Touch & { readonly index: number }>();
  const events = command.events.map((event) => {
    const { stream, type, schemaVersion = 1, subjects = [] } = event;
    const first = untouched.get(stream);
    if (first) touched.set(stream, { ...first, index: touched.size });
    untouched.delete(stream);
    const touch = touched.get(stream);
    if (!touch) {
      throw new InvalidCommandError(
        `Command "${command.id}" has an event for stream "${stream}" without an expected version.`,
        "Name the stream in `streams`; write expectedVersion: 'any' when no check is wanted.",
      );
    }
    touch.added += 1;
    nameBytes += checkName('Event type', type, commandLimits.nameBytes);
    checkCount(`An event of type ${type}`, 'subjects', subjects, [0, commandLimits.subjects]);
    for (const subject of subjects) nameBytes += checkName('Subject', subject, commandLimits.nameBytes);
    if (!Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > 32_767) {
      throw new InvalidCommandError(
        `Schema version of ${type} is ${schemaVersion}; expected a whole number from 1 to 32767.`,
      );
    }
    const data = exactJson(event.data, `data of ${type}`);
    return { stream, touch: touch.index, ordinal: touch.added, type, schemaVersion, subjects, data };
  });
  const { readAt = null } = command;
  if (readAt !== null && !(Number.isSafeInteger(readAt) && readAt >= 0)) {
    throw new InvalidCommandError(`Command "${command.id}" was read at ${readAt}; expected a position: 0, 1, 2 ….`);
  }
  const result = exactJson(command.result ?? {}, 'result');
  const meta = exactJson(command.meta ?? {}, 'meta');
  const bytes = [...events.map(({ data }) => data), result, meta].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
  if (bytes > commandLimits.bytes || nameBytes > commandLimits.bytes) {
    throw new InvalidCommandError(
      `Command "${command.id}" is ${Math.max(bytes, nameBytes)} bytes long; expected at most ${commandLimits.bytes}.`,
      'Split it into several commands, or store large content elsewhere and reference it.',
    );
  }
  const content = contentDigest({ id: command.id, result, events });
  return {
    id: command.id,
    // What makes two commands the same: streams, events and answer; not who sent them (meta differs between attempts), nor how
    // they were spelled (order of properties, defaults written out).
    hash: bodyDigest(content, asked).toString('hex'),
    digest: bodyDigest(content, meta).toString('hex'),
    bytes,
    readAt,
    keys: [],
    meta,
    result,
    touches: [...touched.values(), ...untouched.values()],
    events,
  };
}

type Touch = { -readonly [K in keyof EncodedTouch]: EncodedTouch[K] };

const expectationCodes = { none: 0, any: -1, some: -2 } as const;

function encodeExpectation(expected: ExpectedVersion): number {
  // Programs without types may send anything, and what is no expectation must not pass for "no check".
  if (typeof expected === 'string' && Object.hasOwn(expectationCodes, expected)) return expectationCodes[expected];
  if (typeof expected !== 'number' || !Number.isSafeInteger(expected) || expected < 0) {
    throw new InvalidCommandError(
      `Expected version ${String(expected)} is not a version; expected 0, 1, 2 …, 'none', 'some' or 'any'.`,
    );
  }
  return expected;
}

function checkCount(
  whose: string,
  what: string,
  list: readonly unknown[],
  [least, most]: readonly [number, number],
): void {
  const count = Array.isArray(list) ? list.length : 'no list of';
  if (typeof count === 'string' || count < least || count > most) {
    throw new InvalidCommandError(`${whose} has ${count} ${what}; expected ${least} to ${most}.`);
  }
}

/** Gives its length in bytes. */
function checkName(what: string, value: string, maxBytes: number): number {
  if (typeof value !== 'string') {
    throw new InvalidCommandError(`${what} is of type ${typeof value}; expected a text of 1 to ${maxBytes} bytes.`);
  }
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > maxBytes) {
    throw new InvalidCommandError(`${what} has ${bytes} bytes; expected 1 to ${maxBytes}.`);
  }
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new InvalidCommandError(
      `${what} ${JSON.stringify(value)} holds a NUL or a lone surrogate; names must be plain text.`,
    );
  }
  return bytes;
}
