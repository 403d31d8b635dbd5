import { beforeAll, describe, expect, test } from 'vitest';
import {
  close,
  createEventStore,
  createTenant,
  defineView,
  logMigrations,
  migrate,
  optional,
  readView,
  replace,
  required,
} from '../../../eventstore/index.ts';
import type { LogSchema } from '../../../eventstore/index.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';

interface Seated {
  readonly type: 'Seated';
  readonly data: { readonly row: string; readonly guest: string | null };
}
const seatView = defineView({
  name: 'seat',
  key: ['row'],
  columns: { row: required('text'), guest: optional('text') },
});
const schema: LogSchema<Seated> = {
  migrationFolders: [logMigrations],
  projections: [
    {
      name: 'seats',
      version: 1,
      views: [seatView],
      project: ({ data }) => (data.guest === 'nobody' ? close(seatView, data) : replace(seatView, data)),
    },
  ],
};

describe('readView', () => {
  let database: FreshDatabase;
  let tenant: number;
  const times: Date[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    await migrate({ schema, adminUrl: database.url });
    tenant = await createTenant(database.url, 'default');
    await createTenant(database.url, 'other');
    const store = createEventStore({ pool: database.pool, schema });
    for (const [index, [row, guest]] of (
      [
        ['a', 'Ana'],
        ['b', null],
        ['a', 'Bo'],
        ['b', 'nobody'],
      ] as const
    ).entries()) {
      const command = {
        id: `${index}`,
        streams: [{ name: 's', expectedVersion: 'any' as const }],
        events: [{ type: 'Seated' as const, stream: 's', data: { row, guest } }],
      };
      times.push((await store.append('default', command)).recordedAt);
      await store.append('other', command);
      // Times are told apart by the millisecond.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return () => database[Symbol.asyncDispose]();
  });

  const rows = async (options?: Parameters<typeof readView<typeof seatView.columns>>[3]) =>
    (await readView(database.pool, tenant, seatView, options)).map(({ row, guest, from_pos }) => [
      row,
      guest,
      from_pos,
    ]);

  test('gives what holds now, of this tenant alone', async () => {
    expect(await rows()).toEqual([['a', 'Bo', 3]]);
  });

  test.each([
    [0, []],
    [1, [['a', 'Ana', 1]]],
    [
      2,
      [
        ['a', 'Ana', 1],
        ['b', null, 2],
      ],
    ],
    [
      3,
      [
        ['b', null, 2],
        ['a', 'Bo', 3],
      ],
    ],
    [4, [['a', 'Bo', 3]]],
  ] as const)('as of position %i, and of the time it was recorded at', async (at, expected) => {
    expect(await rows({ at })).toEqual(expected);
    const time = times[at - 1];
    if (time) expect(await rows({ at: time })).toEqual(expected);
  });

  test('takes conditions, null among them, and a limit', async () => {
    expect(await rows({ at: 3, where: { row: 'a' } })).toEqual([['a', 'Bo', 3]]);
    expect(await rows({ at: 3, where: { guest: null } })).toEqual([['b', null, 2]]);
    expect(await rows({ at: 3, where: { row: `a' or true --` } })).toEqual([]);
    expect(await rows({ at: 3, limit: 1 })).toEqual([['b', null, 2]]);
  });

  test('refuses columns that are not the view’s, and limits that are none', async () => {
    await expect(rows({ where: { 'x" or true': 1 } as never })).rejects.toThrow(/expected one of row, guest/);
    await expect(rows({ limit: 0 })).rejects.toThrow(/The limit is 0/);
  });
});
