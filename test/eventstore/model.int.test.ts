import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpectedVersionConflictError, StreamSealedError } from '../../eventstore/index.ts';
import type { Command, ExpectedVersion, Receipt } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import type { Noted } from './shapes.ts';
import { collect, noted, plainStore } from './shapes.ts';

const database = withDatabase('plain');

type Outcome =
  | {
      readonly kind: 'accepted' | 'replayed';
      readonly first: number;
      readonly last: number;
      readonly same: boolean;
      readonly result: unknown;
    }
  | { readonly kind: 'conflict'; readonly stream: string; readonly expected: ExpectedVersion; readonly actual: number }
  | { readonly kind: 'sealed'; readonly stream: string };

interface LogEntry {
  readonly stream: string;
  readonly version: number;
  readonly text: unknown;
}

/** The log as its documentation describes it, in memory. */
class ModelLog {
  readonly log: LogEntry[] = [];
  readonly #streams = new Map<string, { version: number; sealed: boolean }>();
  readonly #commands = new Map<string, { body: string; first: number; last: number; result: unknown }>();

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

const names = ['a', 'b', 'c', 'a/b'];
const expectation = fc.oneof(
  { weight: 4, arbitrary: fc.constant<ExpectedVersion>('any') },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }) },
  { weight: 2, arbitrary: fc.constantFrom<ExpectedVersion>('none', 'some') },
);
/** Few ids and few texts, so that replays with the same and with other bodies are common. */
const command: fc.Arbitrary<Command<Noted>> = fc
  .record({
    id: fc.integer({ min: 1, max: 14 }).map(String),
    streams: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...names),
        expectedVersion: expectation,
        seal: fc.nat(11).map((n) => n === 0),
      }),
      { minLength: 1, maxLength: 3, selector: ({ name }) => name },
    ),
    places: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    text: fc.nat(2),
  })
  .map(({ id, streams, places, text }) => ({
    id,
    streams,
    events: places.map((place) => noted(streams[place % streams.length]?.name ?? '', text)),
    result: { text },
  }));

test('any sequence of commands has the outcomes and leaves the log that the model says', async () => {
  const store = plainStore(database);
  const seen = { accepted: 0, replayed: 0, differing: 0, conflict: 0, sealed: 0 };
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (sequence) => {
      run += 1;
      const base = await store.head('acme');
      const model = new ModelLog();
      for (const one of sequence) {
        const expected = model.append(one);
        const real = await store.append('acme', prefixed(one, `${run}:`)).then(
          (receipt: Receipt): Outcome => ({
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
        expect(real).toEqual(expected);
        seen[real.kind] += 1;
        if (real.kind === 'replayed' && !real.same) seen.differing += 1;
      }
      const log = await collect(store.readLog('acme', { after: base }));
      expect(log.map(({ stream, version, data }) => ({ stream: bare(stream), version, text: data.text }))).toEqual(
        model.log,
      );
      for (const name of names) {
        const stream = await collect(store.readStream('acme', `${run}:${name}`));
        expect(stream.map(({ version }) => version)).toEqual(stream.map((_, index) => index + 1));
      }
    }),
    { numRuns: 60 },
  );
  // The property says nothing when a kind of outcome never happens.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
});

function prefixed({ id, streams, events, ...rest }: Command<Noted>, prefix: string): Command<Noted> {
  return {
    ...rest,
    id: prefix + id,
    streams: streams.map((stream) => ({ ...stream, name: prefix + stream.name })),
    events: events.map((event) => ({ ...event, stream: prefix + event.stream })),
  };
}

function bare(stream: string): string {
  return stream.slice(stream.indexOf(':') + 1);
}
