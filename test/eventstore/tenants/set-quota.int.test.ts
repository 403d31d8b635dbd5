import { beforeEach, describe, expect, test } from 'vitest';
import {
  createTenant,
  InvalidTenantError,
  listTenants,
  QuotaExceededError,
  setQuota,
  UnknownTenantError,
} from '../../../eventstore/index.ts';
import type { TenantUsage } from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { checkLog } from '../check-log.ts';
import { note, noted, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');
const tenant = { id: '', count: 0 };

beforeEach(async () => {
  tenant.count += 1;
  tenant.id = `quota-${tenant.count}`;
  await createTenant(database.url, tenant.id);
});

function limit(quota: { maxEvents?: number | null; maxBytes?: number | null }): Promise<unknown> {
  return setQuota({ adminUrl: database.url, tenant: tenant.id, ...quota });
}

async function usage(id = tenant.id): Promise<TenantUsage | undefined> {
  return (await listTenants({ adminUrl: database.url })).find((one) => one.id === id);
}

/** A command whose data, meta and result are this many bytes long. */
function ofBytes(id: string, bytes: number) {
  const frame = Buffer.byteLength('{"text":""}{}{}');
  const { result: _result, ...command } = note(id, id, 'none', { text: 'x'.repeat(bytes - frame) });
  return command;
}

describe('a quota of events', () => {
  test('takes what fits exactly and refuses the next, naming what is used, asked and allowed', async () => {
    const store = plainStore(database);
    await limit({ maxEvents: 5 });
    const two = (id: string) => ({ ...note(id, id), events: [noted(id), noted(id)] });
    for (const id of ['a', 'b']) await store.append(tenant.id, two(id));
    const error: unknown = await store.append(tenant.id, two('c')).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(QuotaExceededError);
    expect(error).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      tenant: tenant.id,
      events: { used: 4, asked: 2, limit: 5 },
      message: expect.stringContaining('4 of 5 events are used, 2 more were asked for') as string,
      hint: expect.stringContaining('holdfast tenants quota') as string,
    });
    await expect(store.append(tenant.id, note('d', 'd'))).resolves.toMatchObject({ firstPosition: 5 });
    await expect(store.append(tenant.id, note('e', 'e'))).rejects.toBeInstanceOf(QuotaExceededError);
  });

  test('leaves nothing of a refused command; reads and replays go on, and once there is room it is stored', async () => {
    const store = plainStore(database);
    await limit({ maxEvents: 1 });
    const first = await store.append(tenant.id, note('first', 's'));
    await expect(store.append(tenant.id, note('second', 's'))).rejects.toBeInstanceOf(QuotaExceededError);
    expect(await store.head(tenant.id)).toBe(1);
    expect(await store.readCommand(tenant.id, 'second')).toBeUndefined();
    expect(await store.append(tenant.id, note('first', 's'))).toEqual({ ...first, replayed: true });
    await limit({ maxEvents: 2 });
    await expect(store.append(tenant.id, note('second', 's'))).resolves.toMatchObject({ replayed: false });
  });

  test('is judged command by command when they travel together, and never passed', async () => {
    const store = plainStore(database);
    await limit({ maxEvents: 10 });
    const commands = upTo(40).map((n) => note(`together/${n}`, `together/${n}`));
    const outcomes = await Promise.allSettled(commands.map((command) => store.append(tenant.id, command)));
    const receipts = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const refusals = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect([receipts.length, refusals.length]).toEqual([10, 30]);
    for (const error of refusals) expect(error).toBeInstanceOf(QuotaExceededError);
    expect((await checkLog(database.admin, tenant.id, { sent: commands, receipts })).stored).toBe(10);
  });

  test('of two stores at once is not passed either', async () => {
    await limit({ maxEvents: 25 });
    const stores = upTo(4).map(() => plainStore(database));
    const outcomes = await Promise.allSettled(
      stores.flatMap((store, client) =>
        upTo(10).map((n) => store.append(tenant.id, note(`${client}/${n}`, `${client}`))),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(25);
    expect(await usage()).toMatchObject({ events: 25 });
  });

  test('of one tenant is not the other’s', async () => {
    const store = plainStore(database);
    await limit({ maxEvents: 0 });
    await expect(store.append(tenant.id, note('x', 'x'))).rejects.toBeInstanceOf(QuotaExceededError);
    await expect(store.append('acme', note('x', 'x'))).resolves.toMatchObject({ replayed: false });
  });
});

describe('a quota of bytes', () => {
  test('counts data, meta and result as sent: exactly the limit is taken, one byte more is not', async () => {
    const store = plainStore(database);
    await limit({ maxBytes: 1_000 });
    await store.append(tenant.id, ofBytes('half', 500));
    expect(await usage()).toMatchObject({ bytes: 500, events: 1, streams: 1 });
    const error: unknown = await store.append(tenant.id, ofBytes('more', 501)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'QUOTA_EXCEEDED', bytes: { used: 500, asked: 501, limit: 1_000 } });
    await store.append(tenant.id, ofBytes('rest', 500));
    expect(await usage()).toMatchObject({ bytes: 1_000, events: 2, streams: 2 });
  });

  test('counts bytes, not characters', async () => {
    const store = plainStore(database);
    await limit({ maxBytes: 60 });
    await expect(store.append(tenant.id, note('umlauts', 'u', 'any', { text: 'ä'.repeat(30) }))).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
  });
});

describe('setQuota', () => {
  test('changes what is named, keeps the rest, and null takes a bound away', async () => {
    expect(await limit({ maxEvents: 7 })).toEqual({ maxEvents: 7, maxBytes: null });
    expect(await limit({ maxBytes: 2 ** 40 })).toEqual({ maxEvents: 7, maxBytes: 2 ** 40 });
    expect(await limit({})).toEqual({ maxEvents: 7, maxBytes: 2 ** 40 });
    expect(await limit({ maxEvents: null })).toEqual({ maxEvents: null, maxBytes: 2 ** 40 });
    expect(await usage()).toMatchObject({ quota: { maxEvents: null, maxBytes: 2 ** 40 }, state: 'active' });
  });

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53])('refuses %s', async (value) => {
    for (const quota of [{ maxEvents: value }, { maxBytes: value }]) {
      await expect(limit(quota)).rejects.toBeInstanceOf(InvalidTenantError);
      await expect(limit(quota)).rejects.toThrow(/expected a whole number from 0 on, or null/);
    }
  });

  test('of a tenant that nobody knows: UnknownTenantError', async () => {
    await expect(setQuota({ adminUrl: database.url, tenant: 'nobody', maxEvents: 1 })).rejects.toBeInstanceOf(
      UnknownTenantError,
    );
  });
});
