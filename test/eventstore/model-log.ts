import { ExpectedVersionConflictError, StreamSealedError } from '../../eventstore/index.ts';
import type { Command, ExpectedVersion, Receipt } from '../../eventstore/index.ts';
import type { Noted } from './shapes.ts';

/** What the log says to a command, with positions counted from where the test began. */
export type Outcome =
  | {
      readonly kind: 'accepted' | 'replayed';
      readonly first: number;
      readonly last: number;
      readonly same: boolean;
      readonly result: unknown;
    }
  | { readonly kind: 'conflict'; readonly stream: string; readonly expected: ExpectedVersion; readonly actual: number }
  | { readonly kind: 'sealed'; readonly stream: string };

/** An event of the model. */
export interface LogEntry {
  readonly stream: string;
  readonly version: number;
  readonly text: unknown;
}

/** The log as its documentation describes it, in memory. */
export class ModelLog {
  readonly log: LogEntry[] = [];
  readonly #streams = new Map<string, { version: number; sealed: boolean }>();
  readonly #commands = new Map<string, { body: string; first: number; last: number; result: unknown }>();

  /** One that goes on from the same state. */
  clone(): ModelLog {
    const copy = new ModelLog();
    copy.log.push(...this.log);
    for (const [name, stream] of this.#streams) copy.#streams.set(name, stream);
    for (const [id, command] of this.#commands) copy.#commands.set(id, command);
    return copy;
  }

  /** Texts of a stream in order of version. */
  readStream(name: string): unknown[] {
    return this.log.filter(({ stream }) => stream === name).map(({ text }) => text);
  }

  append({ id, streams, events, result = {} }: Command<Noted>): Outcome {
    const expectations = streams.map(({ name, expectedVersion, seal = false }) => [
      name,
      expectedVersion === 'none' ? 0 : expectedVersion,
      seal,
    ]);
    const body = JSON.stringify([expectations, events, result]);
    const known = this.#commands.get(id);
    if (known) {
      const { first, last, result: answer } = known;
      return { kind: 'replayed', first, last, result: answer, same: known.body === body };
    }
    // Of several that do not fit, the first is told: streams in order of their first event, then those without one.
    const order = new Set([...events.map(({ stream }) => stream), ...streams.map(({ name }) => name)]);
    for (const name of order) {
      const expected = streams.find((one) => one.name === name)?.expectedVersion ?? 'any';
      const { version, sealed } = this.#stream(name);
      if (sealed) return { kind: 'sealed', stream: name };
      const fits =
        expected === 'any' || (expected === 'some' ? version > 0 : version === (expected === 'none' ? 0 : expected));
      if (!fits) return { kind: 'conflict', stream: name, expected, actual: version };
    }
    const first = this.log.length + 1;
    for (const { stream, data } of events) {
      const { version, sealed } = this.#stream(stream);
      this.#streams.set(stream, { version: version + 1, sealed });
      this.log.push({ stream, version: version + 1, text: data.text });
    }
    for (const { name, seal = false } of streams) this.#streams.set(name, { ...this.#stream(name), sealed: seal });
    this.#commands.set(id, { body, first, last: this.log.length, result });
    return { kind: 'accepted', first, last: this.log.length, same: true, result };
  }

  #stream(name: string): { version: number; sealed: boolean } {
    return this.#streams.get(name) ?? { version: 0, sealed: false };
  }
}

/** The answer of a store in the words of the model. */
export async function outcomeOf(
  appended: Promise<Receipt>,
  { base, bare = (name) => name }: { readonly base: number; readonly bare?: (stream: string) => string },
): Promise<Outcome> {
  return appended.then(
    (receipt): Outcome => ({
      kind: receipt.replayed ? 'replayed' : 'accepted',
      first: receipt.firstPosition - base,
      last: receipt.lastPosition - base,
      same: !receipt.bodyDiffers,
      result: receipt.result,
    }),
    (error: unknown): Outcome => {
      if (error instanceof StreamSealedError) return { kind: 'sealed', stream: bare(error.stream) };
      if (!(error instanceof ExpectedVersionConflictError)) throw error;
      return { kind: 'conflict', stream: bare(error.stream), expected: error.expected, actual: error.actual };
    },
  );
}
