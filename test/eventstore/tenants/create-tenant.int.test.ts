import { describe, expect, test } from 'vitest';
import { createTenant, InvalidTenantError, listTenants, UnknownTenantError } from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { note, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');
const names = [
  'acme-corp',
  'Acme',
  'acme ',
  ' acme',
  'ácme',
  'a%',
  'a_',
  "a'; drop table holdfast.event; --",
  '"',
  '\\',
  '👍🏽',
  'שלום',
  '\uFFFD',
  'x'.repeat(200),
];

describe('createTenant', () => {
  test.each(names)('takes %j as an id of its own', async (name) => {
    const store = plainStore(database);
    const no = await createTenant(database.url, name);
    expect(await createTenant(database.url, name)).toBe(no);
    expect(await store.tenantNumber(name)).toBe(no);
    await store.append(name, note('same id', 'same stream', 'none'));
    expect(await store.head(name)).toBe(1);
    expect((await listTenants({ adminUrl: database.url })).filter(({ id }) => id === name)).toMatchObject([
      { state: 'active', events: 1, streams: 1, quota: { maxEvents: null, maxBytes: null } },
    ]);
  });

  test.each([
    ['an empty one', ''],
    ['a NUL', 'a\0'],
    ['a lone surrogate', 'a\ud800'],
    ['too long a one', 'x'.repeat(201)],
    ['too many bytes', 'ä'.repeat(101)],
    ['a megabyte', 'x'.repeat(1 << 20)],
  ])('refuses %s as id, and looking it up finds nobody', async (_name, id) => {
    const error: unknown = await createTenant(database.url, id).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidTenantError);
    expect(String(error)).toMatch(/expected plain text of 1 to 200/);
    expect(String(error).length).toBeLessThan(2_000);
    await expect(plainStore(database).head(id)).rejects.toBeInstanceOf(UnknownTenantError);
  });

  test('of ten at once creates one tenant', async () => {
    const numbers = await Promise.all(upTo(10).map(() => createTenant(database.url, 'rush')));
    expect(new Set(numbers).size).toBe(1);
    expect((await listTenants({ adminUrl: database.url })).filter(({ id }) => id === 'rush')).toHaveLength(1);
  });
});

describe('a tenant that does not exist', () => {
  test.each(['nobody', 'ACME', 'acme\u200b', 'acme\0', '\ud800', ''])(
    '%j: UnknownTenantError from every call',
    async (name) => {
      const store = plainStore(database);
      const calls = [
        () => store.append(name, note('x', 'x')),
        () => store.head(name),
        () => store.readStream(name, 'x')[Symbol.asyncIterator]().next(),
        () => store.readLog(name)[Symbol.asyncIterator]().next(),
        () => store.readCommand(name, 'x'),
        () => store.readCommandEvents(name, {}),
        () => store.positionAt(name, new Date()),
        () => store.tenantNumber(name),
      ];
      for (const call of calls) {
        const error: unknown = await Promise.resolve(call()).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(UnknownTenantError);
        expect(error).toMatchObject({
          code: 'UNKNOWN_TENANT',
          hint: expect.stringContaining('holdfast migrate') as string,
        });
      }
    },
  );
});
