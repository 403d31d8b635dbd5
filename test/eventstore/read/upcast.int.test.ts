import { beforeAll, describe, expect, test } from 'vitest';
import {
  createEventStore,
  InvalidCommandError,
  UnknownSchemaVersionError,
  UpcastFailedError,
} from '../../../eventstore/index.ts';
import type { EventStore, LogSchema, Upcasters } from '../../../eventstore/index.ts';
import { currentVersion } from '../../../eventstore/read/upcast.ts';
import { withDatabase } from '../../support/with-database.ts';
import { readUntilError, withHole } from '../hole.ts';
import { collect, plainSchema } from '../shapes.ts';

const database = withDatabase('plain');

/** An address as it was said in three versions of a program, and an event that never changed. */
type Told<Data extends object> = { readonly type: 'AddressTold'; readonly data: Data };
interface One {
  readonly address: string;
}
interface Two {
  readonly city: string;
  readonly street: string;
}
interface Three extends Two {
  readonly country: string;
}
interface Greeted {
  readonly type: 'Greeted';
  readonly data: { readonly name: string };
}

const toTwo = ({ address }: One): Two => {
  const [street, city] = address.split(', ');
  if (street === undefined || city === undefined) throw new Error(`no city in "${address}"`);
  return { street, city };
};
const toThree = (data: Two): Three => ({ ...data, country: 'unknown' });

function storeOf<Data extends object>(
  upcasters: NonNullable<LogSchema<Told<Data> | Greeted>['upcasters']>,
): EventStore<Told<Data> | Greeted> {
  return createEventStore({
    pool: database.pool,
    schema: { migrationFolders: plainSchema.migrationFolders, projections: [], upcasters },
  });
}
const stores = () => ({
  one: storeOf<One>({}),
  two: storeOf<Two>({ AddressTold: [toTwo] }),
  three: storeOf<Three>({ AddressTold: [toTwo, toThree] }),
});

function told<Data extends object>(id: string, data: Data, stream = 'told') {
  return {
    id,
    streams: [{ name: stream, expectedVersion: 'any' as const }],
    events: [{ type: 'AddressTold' as const, stream, data }],
  };
}

const one = { address: 'Rua Augusta 1, Lisbon' };
const two = { city: 'Oslo', street: 'Karl Johans gate 1' };
const three = { city: 'Kyoto', street: 'Sanjo 1', country: 'JP' };

beforeAll(async () => {
  const { one: first, two: second, three: third } = stores();
  await first.append('acme', told('1', one));
  await first.append('acme', {
    id: 'greeted',
    streams: [{ name: 'told', expectedVersion: 'any' }],
    events: [
      { type: 'Greeted', stream: 'told', data: { name: 'Ana' } },
      // A name that every object knows.
      { type: 'constructor' as 'Greeted', stream: 'told', data: { name: 'Bo' } },
    ],
  });
  await second.append('acme', told('2', two));
  await third.append('acme', told('3', three));
});

describe('a store', () => {
  test('writes the current version of its schema', async () => {
    const { rows } = await database.admin.query<{ type: string; v: number; data: object }>(
      'select type, schema_version as v, data from event order by position',
    );
    expect(rows).toEqual([
      { type: 'AddressTold', v: 1, data: one },
      { type: 'Greeted', v: 1, data: { name: 'Ana' } },
      { type: 'constructor', v: 1, data: { name: 'Bo' } },
      { type: 'AddressTold', v: 2, data: two },
      { type: 'AddressTold', v: 3, data: three },
    ]);
  });

  test.each([1, 3, 0])('refuses to write version %i when the current one is 2', async (schemaVersion) => {
    const command = told('other version', two);
    const events = command.events.map((event) => ({ ...event, schemaVersion }));
    const error: unknown = await stores()
      .two.append('acme', { ...command, events })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidCommandError);
    expect(String(error)).toContain(`has schema version ${schemaVersion}; expected 2`);
  });

  test('gives every version in the current shape, and says in which it was stored', async () => {
    const expected = [
      { street: 'Rua Augusta 1', city: 'Lisbon', country: 'unknown' },
      { name: 'Ana' },
      { name: 'Bo' },
      { ...two, country: 'unknown' },
      three,
    ];
    const { three: store } = stores();
    const read = [
      await collect(store.readLog('acme')),
      await collect(store.readStream('acme', 'told', { pageSize: 2 })),
      (await collect(store.readLog('acme', { backwards: true }))).toReversed(),
      await store.readCommandEvents('acme', { ids: ['1', 'greeted', '2', '3'] }),
    ];
    for (const events of read) {
      expect(events.map(({ data }) => data)).toEqual(expected);
      expect(events.map(({ schemaVersion }) => schemaVersion)).toEqual([1, 1, 1, 2, 3]);
    }
  });
});

describe('a version that a newer process wrote', () => {
  test('stops the reader there, in both directions, after what it could read', async () => {
    const { one: store } = stores();
    for (const pageSize of [1, 2, 4, 100]) {
      const forwards = await readUntilError(store.readLog('acme', { pageSize }));
      expect(forwards.items.map(({ position }) => position)).toEqual([1, 2, 3]);
      expect(forwards.error).toBeInstanceOf(UnknownSchemaVersionError);
      expect(forwards.error).toMatchObject({
        code: 'UNKNOWN_SCHEMA_VERSION',
        type: 'AddressTold',
        position: 4,
        found: 2,
        known: 1,
        hint: expect.stringContaining('Upgrade this process') as string,
      });
      const backwards = await readUntilError(store.readStream('acme', 'told', { pageSize, backwards: true }));
      expect(backwards.items).toEqual([]);
      expect(backwards.error).toMatchObject({ position: 5, found: 3, known: 1 });
    }
    await expect(store.readCommandEvents('acme', { ids: ['3'] })).rejects.toThrow(UnknownSchemaVersionError);
    const { two: upgraded } = stores();
    const { items, error } = await readUntilError(upgraded.readLog('acme'));
    expect(items.map(({ position }) => position)).toEqual([1, 2, 3, 4]);
    expect(error).toMatchObject({ position: 5, found: 3, known: 2 });
  });

  test('is not what is told of a hole before it', async () => {
    await withHole(database.admin, 3, async () => {
      const { items, error } = await readUntilError(stores().one.readLog('acme'));
      expect(items.map(({ position }) => position)).toEqual([1, 2]);
      expect(error).toMatchObject({ code: 'LOG_NOT_DENSE' });
    });
  });
});

test('an upcaster that throws stops the reader and says where', async () => {
  const { one: first, three: store } = stores();
  const { firstPosition } = await first.append('default', told('nowhere', { address: 'nowhere' }, 'nowhere'));
  const { error } = await readUntilError(store.readLog('default', { after: firstPosition - 1 }));
  expect(error).toBeInstanceOf(UpcastFailedError);
  expect(error).toMatchObject({
    code: 'UPCAST_FAILED',
    type: 'AddressTold',
    position: firstPosition,
    found: 1,
    message: expect.stringContaining('no city in "nowhere"') as string,
  });
});

test('the compiler checks that upcasters end in the shape of the type', () => {
  // @ts-expect-error -- version 2 is not the shape of the type
  const short: Upcasters<Told<Three>> = { AddressTold: [toTwo] };
  // @ts-expect-error -- there is no such event
  const other: Upcasters<Told<Three>> = { AddressSaid: [toTwo, toThree] };
  const versions = [short, other].map((upcasters) => currentVersion({ upcasters }, 'AddressTold'));
  expect(versions).toEqual([2, 1]);
});
