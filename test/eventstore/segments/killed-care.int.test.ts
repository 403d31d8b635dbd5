import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createEventStore, exportLog, importLog, readSegments } from '../../../eventstore/index.ts';
import { runCare } from './care-process.ts';
import { asOwner, dumpLogs, segmentFolder } from './care-rig.ts';
import { notedDatabase, notedSchema } from './noted-view.ts';
import { collect, noted, upTo } from '../shapes.ts';

async function onlyFolder(folder: string): Promise<string> {
  return join(folder, (await readdir(folder))[0] ?? '');
}

const schema = notedSchema();
/** 14 commands of 1,000 events: segments of 4,000, pages of 1,000, progress every 2,000. */
const length = 14_000;

test('an export and an import that are killed again and again come to the same result', async () => {
  await using source = await notedDatabase();
  await using target = await notedDatabase();
  const store = createEventStore({ pool: source.pool, schema });
  for (const n of upTo(length / 1_000)) {
    await store.append('default', {
      id: `c/${n}`,
      streams: [
        { name: 'hot', expectedVersion: 'any' },
        { name: `s/${n}`, expectedVersion: 'none', seal: n % 2 === 0 },
      ],
      events: upTo(1_000).map((i) => noted(i % 2 === 0 ? 'hot' : `s/${n}`, `${n}.${i} \0 äöü`)),
    });
  }
  const folder = await segmentFolder();
  const options = { tenant: 'default', folder, segmentEvents: 3_500 };

  // Before the first event, inside the first segment, in the second, at the end of the last.
  let whole = 0;
  for (const atProgress of [0, 2_000, 7_000, 11_000, length]) {
    expect(await runCare({ operation: 'export', url: source.url, ...options, atProgress })).toMatchObject({
      signal: 'SIGKILL',
    });
    // What is listed is whole; what is not whole is not listed.
    const events = await collect(readSegments({ folder, tenant: 'default' })).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'SEGMENTS_MISSING' });
      return [];
    });
    expect(events.map(({ position }) => position)).toEqual(upTo(events.length));
    expect(events.length % 4_000).toBe(0);
    expect(events.length).toBeGreaterThanOrEqual(whole);
    whole = events.length;
  }
  expect(whole).toBe(12_000);
  expect((await readdir(await onlyFolder(folder))).some((name) => name.endsWith('.part'))).toBe(true);
  await asOwner(source, async (pool) => {
    const { segments, position } = await exportLog({ pool, ...options });
    expect({ position, written: segments.length }).toEqual({ position: length, written: 1 });
  });
  const own = await onlyFolder(folder);
  const names = (await readdir(own)).sort();
  expect(names.filter((name) => name.startsWith('segment-'))).toHaveLength(4);
  expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
  // Killed after the file was in its place and before the manifest knew of it: the file is written again.
  const manifest = JSON.parse(await readFile(join(own, 'manifest.json'), 'utf8')) as { segments: unknown[] };
  await writeFile(
    join(own, 'manifest.json'),
    JSON.stringify({ ...manifest, segments: manifest.segments.slice(0, -1) }),
  );
  await asOwner(source, (pool) => exportLog({ pool, ...options }));
  expect((await readdir(own)).sort()).toEqual(names);

  // After a page, inside a page's transaction, at the end of a segment, after the last event.
  const heads: number[] = [];
  for (const killed of [
    { atProgress: 0 },
    { atFold: 500 },
    { atProgress: 1_000 },
    { atFold: 3_500 },
    { atProgress: 4_000 },
    { atFold: 9_001 },
    { atProgress: length },
  ]) {
    expect(await runCare({ operation: 'import', url: target.url, folder, ...killed })).toMatchObject({
      signal: 'SIGKILL',
    });
    const { rows } = await target.admin.query<{ position: number; folded: number }>(
      `select position::int, (select coalesce(max(from_pos), 0)::int from newest_note) as folded from log_head`,
    );
    // Views never lag: they are written in the same transaction.
    expect(rows[0]?.folded).toBe(rows[0]?.position);
    heads.push(rows[0]?.position ?? -1);
  }
  expect(heads).toEqual([0, 0, 2_000, 3_000, 5_000, 9_000, length]);
  // Everything is there but the seals of the last segment, and the end.
  const last = await importLog({ adminUrl: target.url, schema, folder, tenant: 'default' });
  expect(last).toMatchObject({ events: 0, position: length });
  expect(await dumpLogs(target)).toEqual(await dumpLogs(source));
  const restored = createEventStore({ pool: target.pool, schema });
  expect(await restored.head('default')).toBe(length);
  await expect(
    restored.append('default', {
      id: 'x',
      streams: [{ name: 's/14', expectedVersion: 'any' }],
      events: [noted('s/14')],
    }),
  ).rejects.toMatchObject({ code: 'STREAM_SEALED' });
});
