import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  createEventStore,
  createMasterKey,
  createTenant,
  describeProgress,
  localKeyWrapper,
  migrate,
  openPool,
  progressLines,
  rebuildViews,
} from '../eventstore/index.ts';
import type { RebuildReport } from '../eventstore/index.ts';
import { holdfastSchema } from '../projections/index.ts';
import { eventsPerTurn, turnsAsOne } from './memory-workload.ts';
import { quantile, rounded } from './measure.ts';
import { startPrivatePostgres } from './private-postgres.ts';

/**
 * Holdfast's views rebuilt from a long history, with personal fields to decrypt, while a writer goes on; then many hand-overs of a short
 * history while four writers go on. Speed is per core: events per second of processor time that the rebuilding process and its
 * sessions used, so that what else the machine does weighs little. The pause is what appends that met a hand-over took.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    events: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '2' },
    handovers: { type: 'string', default: '25' },
  },
});
const [events, rounds, handovers] = [Number(options.events), Number(options.rounds), Number(options.handovers)];
const say = (line: string): void => console.error(`  … ${line}`);
const masterKey = createMasterKey();
const schema = { ...holdfastSchema, keyWrapper: localKeyWrapper(masterKey) };
const now = (): number => performance.timeOrigin + performance.now();

await using postgres = await startPrivatePostgres(say);

interface History {
  readonly url: string;
  readonly tenants: readonly string[];
}

/** A database with a history of about this many events in each of some tenants. */
async function fill(name: string, tenantCount: number, eventsEach: number): Promise<History> {
  const url = await postgres.createDatabase(name);
  await migrate({ schema, adminUrl: url });
  const pool = openPool({ url, applicationName: 'holdfast bench' });
  const store = createEventStore({ pool, schema });
  const tenants = Array.from({ length: tenantCount }, (_, n) => `t${n}`);
  const turns = Math.ceil(eventsEach / eventsPerTurn);
  for (const tenant of tenants) {
    await createTenant(url, tenant);
    // A hundred users, each with facts that supersede one another.
    for (let n = 0; n < turns; n += 40) await store.append(tenant, turnsAsOne(`${tenant}-u${(n / 40) % 100}`, n, 40));
    say(`${name}: wrote ${await store.head(tenant)} events of ${tenant}`);
  }
  await pool.end();
  return { url, tenants };
}

interface Writers {
  stop(): Promise<readonly (readonly [number, number])[]>;
}

let runs = 0;
/** Starts writers on some tenants; `stop` gives when each append began and ended. */
function write({ url }: History, tenants: readonly string[]): Writers {
  const script = fileURLToPath(new URL('./rebuild-writer.ts', import.meta.url));
  const child = fork(script, [url, masterKey, String((runs += 1)), ...tenants]);
  return {
    stop: async () => {
      child.send('stop');
      const [appends] = (await once(child, 'message')) as [readonly (readonly [number, number])[]];
      return appends;
    },
  };
}

interface Measured {
  readonly report: RebuildReport;
  /** Seconds of processor time of this process and of its sessions. */
  readonly cpuSeconds: number;
  /** When appends began and ceased to wait. */
  readonly pause: readonly [number, number];
}

async function rebuild({ url }: History, admin: ReturnType<typeof openPool>): Promise<Measured> {
  const started = process.cpuUsage();
  let sessions: Promise<number[]> | undefined;
  let pids: number[] = [];
  let cpuSeconds = 0;
  let pause: readonly [number, number] = [0, 0];
  const report = await rebuildViews({
    adminUrl: url,
    schema,
    onProgress: (progress) => {
      if (!options.json && progress.step === 'folding') progressLine(progress);
      if (progress.step === 'blocked') say(describeProgress(progress));
      sessions ??= admin
        .query<{ pid: number }>(`select pid from pg_stat_activity where application_name = 'holdfast rebuild'`)
        .then(({ rows }) => (pids = rows.map(({ pid }) => pid)));
      if (progress.step !== 'handed over') return;
      pause = [now() - progress.pauseMs, now()];
      const { user, system } = process.cpuUsage(started);
      cpuSeconds = (user + system) / 1e6 + pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
    },
  });
  await sessions;
  if (report.views.some(({ equal }) => equal !== true)) throw new Error('The rebuilt views differ from the live ones.');
  return { report, cpuSeconds, pause };
}
const progressLine = progressLines(say);

/** Processor time of a process so far. Linux counts it in hundredths of a second. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const long = await fill('long', 4, events / 4);
const speeds: number[] = [];
const walls: number[] = [];
{
  const admin = openPool({ url: long.url, role: null, maxConnections: 1 });
  const writer = write(long, long.tenants.slice(0, 1));
  for (let round = 0; round < rounds; round += 1) {
    const { report, cpuSeconds } = await rebuild(long, admin);
    speeds.push(report.events / cpuSeconds);
    walls.push((report.events * 1_000) / report.durationMs);
    say(
      `${report.events} events: ${Math.round(speeds.at(-1) ?? 0)}/s per core, ${Math.round(walls.at(-1) ?? 0)}/s by the clock, paused ${rounded(report.pauseMs ?? 0)} ms`,
    );
  }
  await writer.stop();
  await admin.end();
}

const short = await fill('short', 4, 500);
const pauses: (readonly [number, number])[] = [];
let attempts = 0;
const admin = openPool({ url: short.url, role: null, maxConnections: 1 });
const writers = write(short, short.tenants);
for (let n = 0; n < handovers; n += 1) {
  const { report, pause } = await rebuild(short, admin);
  pauses.push(pause);
  attempts += report.attempts;
}
const appends = await writers.stop();
await admin.end();
const met = appends.filter(([began, ended]) => pauses.some(([from, to]) => began < to && ended > from));
const others = appends.filter((append) => !met.includes(append));
const took = (list: readonly (readonly [number, number])[]): number[] => list.map(([began, ended]) => ended - began);
const figures = {
  events_per_second: Math.round(quantile(speeds, 0.5)),
  events_per_second_by_the_clock: Math.round(quantile(walls, 0.5)),
  handover_pause_p99_ms: rounded(quantile(took(met), 0.99)),
  handover_pause_p50_ms: rounded(quantile(took(met), 0.5)),
  handover_lock_p99_ms: rounded(quantile(took(pauses), 0.99)),
  append_p99_ms: rounded(quantile(took(others), 0.99)),
  handovers: pauses.length,
  handover_attempts: attempts,
  appends_that_met_one: met.length,
};
if (!options.json) console.log(figures);
console.log(JSON.stringify({ command: 'bench:rebuild', ok: true, figures }));
