import { parseArgs } from 'node:util';
import pg from 'pg';
import type { EventStore } from '../eventstore/index.ts';
import { createEventStore, createTenant, migrate, openPool } from '../eventstore/index.ts';
import type { Said } from './log-workload.ts';
import { saidCommand, saidEvent, withViews } from './log-workload.ts';
import { median, rounded } from './measure.ts';
import { startPrivatePostgres } from './private-postgres.ts';

/**
 * How the price of an append and the size of a log grow: one log is filled to 10 thousand, 100 thousand and 1 million events of
 * 1 KB, and at each size appends to it take turns with appends to a log that stays small.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sizes: { type: 'string', default: '10000,100000,1000000' },
    appends: { type: 'string', default: '1000' },
  },
});
const sizes = options.sizes.split(',').map(Number);
const appends = Number(options.appends);
const perFill = 1_000;
const say = (line: string): void => console.error(`  … ${line}`);

await using postgres = await startPrivatePostgres(say);

async function open(name: string) {
  const url = await postgres.createDatabase(name);
  await migrate({ schema: withViews, adminUrl: url });
  await createTenant(url, 'growing');
  const pool = openPool({ url, applicationName: 'holdfast bench', maxConnections: 2 });
  return { url, pool, store: createEventStore({ pool, schema: withViews }) };
}

const [large, small] = [await open('large'), await open('small')];
const admin = new pg.Pool({ connectionString: large.url, max: 1 });
let serial = 0;

async function timed(store: EventStore<Said>): Promise<number> {
  const command = saidCommand('thread/1', `timed/${(serial += 1)}`);
  const started = performance.now();
  await store.append('growing', command);
  return performance.now() - started;
}

async function fillTo(size: number): Promise<void> {
  let head = await large.store.head('growing');
  let told = performance.now();
  while (head < size) {
    const n = Math.min(perFill, size - head);
    const id = `fill/${(serial += 1)}`;
    // A hundred streams, so that stream rows are many but each is appended to often.
    const stream = `thread/${serial % 100}`;
    const events = Array.from({ length: n }, (_, index) => saidEvent(stream, `${id}/${index}`));
    const receipt = await large.store.append('growing', {
      id,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events,
    });
    head = receipt.lastPosition;
    if (performance.now() - told > 5_000) {
      told = performance.now();
      say(`${head} of ${size} events`);
    }
  }
}

/** Bytes of the log's tables with their indexes, and of all tables. */
async function bytes(): Promise<{ log: number; all: number; payload: number }> {
  const { rows } = await admin.query<{ log: string; all: string; payload: string }>(
    `select sum(pg_total_relation_size(oid)) filter (where relname in ('event', 'stream', 'command', 'log_head')) as log,
            sum(pg_total_relation_size(oid)) as all, (select bytes from holdfast.log_head) as payload
     from pg_class where relnamespace = 'holdfast'::regnamespace and relkind = 'r'`,
  );
  const [row] = rows;
  return { log: Number(row?.log), all: Number(row?.all), payload: Number(row?.payload) };
}

try {
  const points = [];
  for (const size of sizes) {
    await fillTo(size);
    // As autovacuum would sooner or later; sooner makes runs alike.
    await admin.query('vacuum analyze');
    const times: { large: number[]; small: number[] } = { large: [], small: [] };
    for (let n = 0; n < appends + 50; n += 1) {
      const [one, two] = [await timed(large.store), await timed(small.store)];
      if (n < 50) continue;
      times.large.push(one);
      times.small.push(two);
    }
    const { log, all, payload } = await bytes();
    points.push({
      events: size,
      append_p50_ms: rounded(median(times.large)),
      small_log_p50_ms: rounded(median(times.small)),
      ratio: median(times.large) / median(times.small),
      bytes_per_payload_byte: rounded(log / payload),
      bytes_per_payload_byte_with_views: rounded(all / payload),
    });
    say(JSON.stringify(points.at(-1)));
  }
  const [first, last] = [points[0], points.at(-1)];
  const figures = {
    append_p50_growth: rounded((last?.ratio ?? 0) / (first?.ratio ?? 1)),
    append_p50_growth_raw: rounded((last?.append_p50_ms ?? 0) / (first?.append_p50_ms ?? 1)),
    bytes_per_payload_byte: last?.bytes_per_payload_byte,
    bytes_per_payload_byte_with_views: last?.bytes_per_payload_byte_with_views,
    points: points.map((point) => ({ ...point, ratio: rounded(point.ratio) })),
  };
  if (!options.json) console.log(figures);
  console.log(JSON.stringify({ command: 'bench:growth', ok: true, figures }));
} finally {
  await admin.end();
  await large.pool.end();
  await small.pool.end();
}
