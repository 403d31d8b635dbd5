import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Command, ExpectedVersion } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { ModelLog, outcomeOf } from './model-log.ts';
import type { Noted } from './shapes.ts';
import { collect, noted, plainStore } from './shapes.ts';

const database = withDatabase('plain');

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
        const real = await outcomeOf(store.append('acme', prefixed(one, `${run}:`)), { base, bare });
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
