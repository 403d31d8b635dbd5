import { expect, test } from 'vitest';
import { createEventStore } from '../../../eventstore/index.ts';
import { runCare } from './care-process.ts';
import { dumpLogs, segmentFolder } from './care-rig.ts';
import { notedDatabase, notedSchema } from './noted-view.ts';
import { noted, upTo } from '../shapes.ts';

/** The old generation alone; Node itself takes a good part of it. */
const heapMb = 64;

test('200,000 events and a few large ones are exported, imported and verified in a small heap', async () => {
  await using source = await notedDatabase();
  await using target = await notedDatabase();
  const store = createEventStore({ pool: source.pool, schema: notedSchema() });
  await Promise.all(
    upTo(400).map((n) =>
      store.append('default', {
        id: `c/${n}`,
        streams: upTo(50).map((k) => ({ name: `s/${n}/${k}`, expectedVersion: 'none', seal: k === 7 })),
        events: upTo(500).map((i) => noted(`s/${n}/${(i % 50) + 1}`, `event ${i} of command ${n}`)),
      }),
    ),
  );
  // More text than the heap holds, in one page of rows.
  for (const n of upTo(10)) {
    await store.append('default', {
      id: `large/${n}`,
      streams: [{ name: 'large', expectedVersion: 'any' }],
      events: [noted('large', `${n} ${'äbc'.repeat(1 << 20)}`), noted('large', 'small')],
    });
  }
  const folder = await segmentFolder();
  await runCare({ operation: 'export', url: source.url, folder }, { heapMb });
  await runCare({ operation: 'import', url: target.url, folder }, { heapMb });
  const verified = await runCare({ operation: 'verify', url: target.url, folder }, { heapMb });
  expect(verified.output).toBe('verified 200020\n');
  for (const name of ['log_head', 'stream'] as const) {
    expect((await dumpLogs(target))[name]).toEqual((await dumpLogs(source))[name]);
  }
}, 300_000);
