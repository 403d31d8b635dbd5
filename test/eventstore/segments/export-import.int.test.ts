import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import {
  createEventStore,
  createTenant,
  exportLog,
  importLog,
  LogNotEmptyError,
  StreamSealedError,
  UnknownTenantError,
} from '../../../eventstore/index.ts';
import { holdfastSchema } from '../../../projections/index.ts';
import { history } from '../../projections/history.ts';
import { asOwner, dumpLogs, segmentFolder } from './care-rig.ts';
import { freshDatabase } from '../fresh-database.ts';
import type { Noted } from '../shapes.ts';
import { note, noted, plainSchema, plainStore, upTo } from '../shapes.ts';

const { templateDatabase, plainTemplateDatabase } = inject('servers');

describe('a log exported and imported into another database', () => {
  test('is the same in every table, byte for byte, and goes on', async () => {
    await using source = await freshDatabase(templateDatabase);
    await using target = await freshDatabase(templateDatabase);
    const folder = await segmentFolder();
    const store = createEventStore({ pool: source.pool, schema: holdfastSchema });
    const commands = history({ seed: 5, turns: 120 });
    for (const command of commands.slice(0, 300)) await store.append('default', command);
    const positions: number[] = [];
    await asOwner(source, async (pool) => {
      const first = await exportLog({
        pool,
        tenant: 'default',
        folder,
        segmentEvents: 100,
        onProgress: ({ position }) => positions.push(position),
      });
      expect(first.segments.length).toBeGreaterThan(2);
      expect(first.position).toBe(await store.head('default'));
      // What came since is added; what is there stays as it is.
      for (const command of commands.slice(300)) await store.append('default', command);
      const second = await exportLog({ pool, tenant: 'default', folder, segmentEvents: 100 });
      expect(second.segments[0]?.from).toBe(first.position + 1);
      expect(second.position).toBe(await store.head('default'));
      expect((await exportLog({ pool, tenant: 'default', folder })).segments).toEqual([]);
    });
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));

    const report = await importLog({ adminUrl: target.url, schema: holdfastSchema, folder, tenant: 'default' });
    const head = await store.head('default');
    expect(report).toMatchObject({ tenant: 'default', position: head, events: head });
    const dumped = await dumpLogs(target);
    expect(dumped).toEqual(await dumpLogs(source));
    for (const name of ['event', 'command', 'stream', 'log_head', 'turn', 'fact', 'round', 'block']) {
      expect(dumped[name]?.length, name).toBeGreaterThan(0);
    }

    // Again: everything is there.
    const again = await importLog({ adminUrl: target.url, schema: holdfastSchema, folder, tenant: 'default' });
    expect(again.events).toBe(0);
    const restored = createEventStore({ pool: target.pool, schema: holdfastSchema });
    for (const command of commands.slice(0, 40)) {
      const receipt = await store.append('default', command);
      expect(receipt.replayed).toBe(true);
      expect(await restored.append('default', command, { strict: true })).toEqual(receipt);
    }
    // One that may happen twice.
    const repeatable = commands.find(({ events: [first] }) => first?.type === 'ExtractionFailed');
    if (!repeatable) throw new Error('No extraction failed.');
    const next = await restored.append('default', { ...repeatable, id: 'goes on' });
    expect(next.firstPosition).toBe(head + 1);
  });

  test('keeps hostile texts, subjects, versions, seals and streams without events', async () => {
    await using source = await freshDatabase(plainTemplateDatabase);
    await using target = await freshDatabase(plainTemplateDatabase);
    const folder = await segmentFolder();
    const tenant = '../../Ünï cøde\u2028/ "quoted"\\';
    await createTenant(source.url, tenant);
    await createTenant(target.url, tenant);
    const schema = { ...plainSchema, upcasters: { Noted: [(data: Noted['data']) => data] as const } };
    const store = createEventStore({ pool: source.pool, schema });
    const hostile = [
      'a\0b',
      '\ud800',
      '\udfff\ud800',
      '\u2028\u2029\n\r\t\\"',
      'ä'.repeat(1 << 20),
      '👩‍👩‍👧‍👦',
      { 'k\0': [1e308, -0, 5e-324] },
    ];
    for (const [index, text] of hostile.entries()) {
      await store.append(tenant, {
        id: `hostile/${index} 👍 \u2028 "\\`,
        streams: [
          { name: `s/${index % 3} \u2028"`, expectedVersion: 'any' },
          { name: `empty/${index}`, expectedVersion: 'none' },
        ],
        events: [
          {
            ...noted(`s/${index % 3} \u2028"`, text),
            subjects: ['user:"a"\\', 'user:{b},\u2028'],
          },
        ],
        meta: { from: text },
        result: { answer: text },
      });
    }
    await store.append(tenant, note('seal/1', 'closed', 'none', { seal: true }));
    const exported = (): Promise<unknown> =>
      asOwner(source, (pool) => exportLog({ pool, tenant, folder, segmentEvents: 4 }));
    await exported();
    // A seal without an event, for a stream that is in an earlier segment; and for one that never had an event.
    await store.append(tenant, {
      id: 'seal/2',
      streams: [
        { name: 's/0 \u2028"', expectedVersion: 'some', seal: true },
        { name: 'empty/1', expectedVersion: 'none', seal: true },
        { name: 'other', expectedVersion: 'none' },
      ],
      events: [noted('other')],
    });
    await exported();
    await store.append(tenant, note('last', 'other'));
    await exported();

    // The folder's name is ours, whatever the tenant is called.
    const [own, ...more] = await readdir(folder);
    expect(more).toEqual([]);
    expect(own).toMatch(/^[a-z0-9_-]+\.[0-9a-f]{12}$/);
    expect((await readdir(join(folder, own ?? ''))).filter((name) => name.endsWith('.part'))).toEqual([]);

    await importLog({ adminUrl: target.url, schema, folder, tenant });
    const dumped = await dumpLogs(target);
    expect(dumped).toEqual(await dumpLogs(source));
    expect(dumped['event']?.every((row) => row.includes(',Noted,2,'))).toBe(true);
    const restored = plainStore(target);
    for (const name of ['closed', 's/0 \u2028"', 'empty/1']) {
      await expect(restored.append(tenant, note(`no/${name}`, name))).rejects.toBeInstanceOf(StreamSealedError);
    }
    await restored.append(tenant, note('fits', 'empty/2', 'none'));
  });
});

describe('an import refuses', () => {
  test('a log that has gone another way, and finds no tenant while half of it is there', async () => {
    await using source = await freshDatabase(plainTemplateDatabase);
    await using target = await freshDatabase(plainTemplateDatabase);
    const folder = await segmentFolder();
    const store = plainStore(source);
    for (const n of upTo(30)) await store.append('default', note(`c/${n}`, `s/${n % 4}`));
    await asOwner(source, (pool) => exportLog({ pool, tenant: 'default', folder, segmentEvents: 10 }));
    const into = { adminUrl: target.url, schema: plainSchema, folder, tenant: 'default' };

    const restored = plainStore(target);
    await restored.head('default');
    class Stop extends Error {}
    await expect(
      importLog({
        ...into,
        onProgress: ({ position }) => {
          if (position >= 20) throw new Stop();
        },
      }),
    ).rejects.toBeInstanceOf(Stop);
    // Neither those who know the tenant already nor those who ask now.
    await expect(restored.append('default', note('between', 'a'))).rejects.toBeInstanceOf(UnknownTenantError);
    await expect(plainStore(target).head('default')).rejects.toBeInstanceOf(UnknownTenantError);
    expect((await importLog(into)).events).toBeLessThan(30);
    expect(await dumpLogs(target)).toEqual(await dumpLogs(source));

    await restored.append('default', note('goes on', 'a'));
    await expect(importLog(into)).rejects.toBeInstanceOf(LogNotEmptyError);
    await using other = await freshDatabase(plainTemplateDatabase);
    await plainStore(other).append('default', note('mine', 'a'));
    const before = await dumpLogs(other);
    await expect(importLog({ ...into, adminUrl: other.url })).rejects.toMatchObject({ code: 'LOG_NOT_EMPTY' });
    expect(await dumpLogs(other)).toEqual(before);
  });
});
