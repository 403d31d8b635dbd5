import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProjectionLawError } from '../../eventstore/index.ts';
import type { Projection, StoredEvent } from '../../eventstore/index.ts';
import { collectForgottenRows } from '../../eventstore/keys/forgotten-rows.ts';
import { putFields, takeFields, tombstonesAt } from '../../eventstore/keys/personal-fields.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { personalFields } from '../../memory/personal-fields.ts';
import { projections } from '../../projections/index.ts';
import { examples } from '../golden/examples.ts';
import { history } from './history.ts';

type Declared = Readonly<Record<string, Readonly<Record<string, string | null | Readonly<Record<string, never>>>>>>;
const declared: Declared = personalFields;
const samples = Object.entries(examples).map(([type, data]) => ({ type, data }) as MemoryEvent);

function stored(event: MemoryEvent, forgotten: boolean): StoredEvent<MemoryEvent> {
  return {
    ...event,
    stream: 's',
    position: 7,
    version: 1,
    schemaVersion: 1,
    subjects: ['user:ana'],
    recordedAt: new Date(0),
    ...(forgotten ? { forgotten: true } : {}),
  };
}

/** The event as it reads once it is forgotten. */
function tombstoned({ type, data }: MemoryEvent): StoredEvent<MemoryEvent> {
  const copy = structuredClone(data);
  const fields = declared[type] ?? {};
  const put = putFields(copy, tombstonesAt(takeFields(copy, Object.keys(fields)).at, fields));
  return stored({ type, data: put } as MemoryEvent, true);
}

/** The event with other words in every personal field that is a text. */
function reworded({ type, data }: MemoryEvent, words: () => string): MemoryEvent {
  const copy = structuredClone(data);
  const taken = takeFields(copy, Object.keys(declared[type] ?? {}));
  const values = taken.values.map((value) => (typeof value === 'string' ? words() : value));
  return { type, data: putFields(copy, { at: taken.at, values }) } as MemoryEvent;
}

describe('every projection can forget every event', () => {
  test.each(samples)('$type', (event) => {
    const rows = collectForgottenRows(projections);
    rows.add(stored(event, false), tombstoned(event));
    rows.changes();
  });

  test('whatever its personal fields say, and whatever variant of it there is', () => {
    const past = [1, 2].flatMap((seed) => history({ seed, turns: 20 }).flatMap((command) => command.events));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples, ...past),
        fc.array(fc.string(), { minLength: 30, maxLength: 30 }),
        (event, words) => {
          let next = 0;
          const before = reworded(event, () => words[next++ % words.length] ?? '');
          const rows = collectForgottenRows(projections);
          rows.add(stored(before, false), tombstoned(before));
          // Keys are what they were with other words, too.
          rows.add(stored(before, false), stored(event, true));
          rows.changes();
        },
      ),
      { numRuns: 500 },
    );
  });

  test('and nothing of a personal field is left in what it does then', () => {
    for (const event of samples) {
      const marked = reworded(event, () => 'MARKER');
      const operations = projections.flatMap((projection) => projection.project(tombstoned(marked)));
      expect(JSON.stringify(operations)).not.toContain('MARKER');
      const before = projections.flatMap((projection) => projection.project(stored(marked, false)));
      if (operations.length > 0 && event.type in declared && !['FactSuperseded', 'EntitiesSplit'].includes(event.type))
        expect(JSON.stringify(before), event.type).toContain('MARKER');
    }
  });
});

describe('a projection that cannot forget is found out', () => {
  const [asserted] = samples.filter(({ type }) => type === 'FactAsserted');
  const view = projections.flatMap((projection) => projection.views).find(({ name }) => name === 'fact');
  const row = { fact: 'a' };
  const operation = (op: 'open' | 'ensure' | 'close', key: string) => ({ view: 'fact', op, key, row: { ...row, key } });
  const wrong: readonly (readonly [string, Projection<MemoryEvent>['project']])[] = [
    ['its key says what was said', ({ data }) => [operation('open', 'text' in data ? String(data.text) : '')]],
    ['it no longer closes', ({ forgotten }) => (forgotten ? [] : [operation('close', 'a')])],
    ['it no longer ensures', ({ forgotten }) => (forgotten ? [] : [operation('ensure', 'a')])],
    ['it does more than before', ({ forgotten }) => (forgotten ? [operation('open', 'a')] : [])],
    [
      'it does the same in another order',
      ({ forgotten }) => {
        const both = [operation('close', 'a'), operation('close', 'b')];
        return forgotten ? both.toReversed() : both;
      },
    ],
    [
      'rows vanish among ensured ones',
      ({ forgotten }) => [operation('ensure', 'a'), ...(forgotten ? [] : [operation('open', 'b')])],
    ],
  ];

  test.each(wrong)('%s', (_what, project) => {
    const rows = collectForgottenRows([{ name: 'wrong', version: 1, views: view ? [view] : [], project }]);
    expect(asserted).toBeDefined();
    const forget = (): void => {
      if (asserted) rows.add(stored(asserted, false), tombstoned(asserted));
      rows.changes();
    };
    expect(forget).toThrow(ProjectionLawError);
    expect(forget).toThrow(/Projection "wrong" cannot forget an event FactAsserted/);
  });
});
