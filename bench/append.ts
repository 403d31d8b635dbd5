import { parseArgs } from 'node:util';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';
import type { EventStore, LogSchema } from '../eventstore/index.ts';
import { createEventStore, createTenant, migrate, openPool } from '../eventstore/index.ts';
import { floorAppend } from './append-floor.ts';
import type { Said } from './log-workload.ts';
import { eventsPerCommand, logOnly, saidCommand, withViews } from './log-workload.ts';
import { inTurns, rate, rounded } from './measure.ts';
import { startPrivatePostgres } from './private-postgres.ts';

/**
 * Appends of five events of 1 KB, with and without five view rows, against a floor (append-floor.ts) and against Emmett, on one
 * server in one run, in turns. Rates are commands per second; ratios are what counts.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
});
const ms = Number(options.seconds) * 1000;
const rounds = Number(options.rounds);
const say = (line: string): void => console.error(`  … ${line}`);

await using postgres = await startPrivatePostgres(say);
const run = String(process.pid);
let serial = 0;
/** Ids are never used twice: a replay would be cheaper. */
const commandFor = (writer: number) => saidCommand(`thread/${writer}`, `${run}/${writer}/${(serial += 1)}`);

async function open(name: string, schema: LogSchema<Said>, tenants: number) {
  const url = await postgres.createDatabase(name);
  await migrate({ schema, adminUrl: url });
  const ids = Array.from({ length: tenants }, (_, n) => `tenant-${n}`);
  const numbers: number[] = [];
  for (const id of ids) numbers.push(await createTenant(url, id));
  const pool = openPool({ url, applicationName: 'holdfast bench', maxConnections: 32 });
  const store = (): EventStore<Said> => createEventStore({ pool, schema });
  return { url, ids, numbers, pool, store };
}

const tenants = 33;
const views = await open('views', withViews, tenants);
const bare = await open('bare', logOnly, 1);
const raw = new pg.Pool({ connectionString: views.url, max: 32 });
const emmettUrl = await postgres.createDatabase('emmett');
const emmett = getPostgreSQLEventStore(emmettUrl);
try {
  const shared = views.store();
  const own = Array.from({ length: 32 }, () => views.store());
  const idOf = (n: number): string => views.ids[n] ?? 'none';
  const numberOf = (n: number): number => views.numbers[n] ?? 0;
  // Streams of the floor have numbers of their own, far from those the log hands out.
  const floor = (tenant: number, writer: number): Promise<void> =>
    floorAppend(raw, { tenant, streamNo: 1_000_000 + writer, command: commandFor(1_000 + writer) });
  const hot = idOf(0);

  say('one writer, and 32 writers on 32 tenants');
  const single = await inTurns(rounds, {
    ours: () => rate(1, ms, (writer) => shared.append(hot, commandFor(writer))),
    floor: () => rate(1, ms, (writer) => floor(numberOf(0), writer)),
    tenants: () => rate(32, ms, (writer) => shared.append(idOf(writer + 1), commandFor(writer))),
    floorTenants: () => rate(32, ms, (writer) => floor(numberOf(writer + 1), writer)),
  });
  say('8 and 32 writers on one tenant, coalesced and not');
  const one = await inTurns(rounds, {
    coalesced8: () => rate(8, ms, (writer) => shared.append(hot, commandFor(writer))),
    apart8: () => rate(8, ms, (writer) => own[writer]?.append(hot, commandFor(writer)) ?? Promise.reject(new Error())),
    coalesced32: () => rate(32, ms, (writer) => shared.append(hot, commandFor(writer))),
    apart32: () =>
      rate(32, ms, (writer) => own[writer]?.append(hot, commandFor(writer)) ?? Promise.reject(new Error())),
  });
  say('8 writers, against Emmett');
  const bareStore = bare.store();
  const peers = await inTurns(rounds, {
    log: () => rate(8, ms, (writer) => bareStore.append('tenant-0', commandFor(writer))),
    views: () => rate(8, ms, (writer) => shared.append(hot, commandFor(writer))),
    emmett: () => rate(8, ms, (writer) => emmett.appendToStream(`thread-${writer}`, [...commandFor(writer).events])),
  });

  const figures = {
    ratio_1_writer: rounded(single.ours / single.floor),
    ratio_32_tenants: rounded(single.tenants / single.floorTenants),
    coalescing_gain: rounded(Math.min(one.coalesced8 / one.apart8, one.coalesced32 / one.apart32)),
    coalescing_gain_8: rounded(one.coalesced8 / one.apart8),
    coalescing_gain_32: rounded(one.coalesced32 / one.apart32),
    emmett_ratio_8_writers_log_only: rounded(peers.log / peers.emmett),
    emmett_ratio_8_writers: rounded(peers.views / peers.emmett),
    commands_per_second: Object.fromEntries(
      Object.entries({
        one_writer: single.ours,
        one_writer_floor: single.floor,
        tenants_32: single.tenants,
        tenants_32_floor: single.floorTenants,
        hot_8: one.coalesced8,
        hot_8_uncoalesced: one.apart8,
        hot_32: one.coalesced32,
        hot_32_uncoalesced: one.apart32,
        log_only_8: peers.log,
        with_views_8: peers.views,
        emmett_8: peers.emmett,
      }).map(([name, value]) => [name, Math.round(value)]),
    ),
    events_per_command: eventsPerCommand,
  };
  if (!options.json) console.log(figures);
  console.log(JSON.stringify({ command: 'bench:append', ok: true, figures }));
} finally {
  await emmett.close();
  await raw.end();
  await views.pool.end();
  await bare.pool.end();
}
