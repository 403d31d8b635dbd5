import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HoldfastClient } from '../client/index.ts';
import { exportLog, openPool, ownerRole, rebuildViews } from '../eventstore/index.ts';
import { readProcessStart } from '../stack/process-identity.ts';
import { openArena, tenants } from './arena.ts';
import type { Arena } from './arena.ts';
import { startChecker } from './start-checker.ts';
import { startClients } from './clients.ts';
import type { Clients } from './clients.ts';
import type { Fault, FaultOutcome } from './faults/fault.ts';
import { allFaults, planFaults } from './faults/plan.ts';
import { workerCount } from './faults/worker-faults.ts';
import { followUps, openHistory, readHistory, workKinds } from './history.ts';
import { explainGrowth, explainHeld, findLeftInDatabase, findLiving, growth, sample } from './leaks.ts';
import { makeStackFolder, removeStackFolder } from '../stack/private-folder.ts';
import { createRandom } from './random.ts';
import { countFound, findMissing, shrinkHistory } from './report.ts';
import type { ChaosReport, Sabotage } from './report.ts';
import { applySabotage, weakenViews } from './sabotage.ts';
import { settle } from './settle.ts';

/** Faults in a row that kill nothing, after which a run that counts kills is given up: it would never end. */
const mostWithoutKill = 120;

/** How long, and how hard. */
export interface ChaosOptions {
  readonly seed: number;
  /** Ends when either is reached, and not before every kind of fault was tried. */
  readonly until: { readonly minutes: number } | { readonly kills: number };
  /** Takes one protection away; the run must then fail. @default none */
  readonly sabotage?: Sabotage;
  /** Only these kinds of faults. @default all */
  readonly faults?: readonly string[];
  /** @default 4 */
  readonly clients?: number;
  /** How long turns may take to end once nothing is broken any more: rounds of the sweeper, pauses of what is tried again. @default 120000 */
  readonly settleMs?: number;
  /** Receives one line about what happens. */
  readonly onProgress: (line: string) => void;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a private stack, has clients work on it, breaks it on purpose, and has a process of its own check what is left. The order of
 * faults and the work of each client are the seed's; what falls on what is the machine's.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, until, sabotage, onProgress: say, signal } = options;
  const began = performance.now();
  const atFirst = sample();
  const folder = await makeStackFolder();
  const chosen = allFaults.filter(({ kind }) => options.faults?.includes(kind) ?? true);
  const unavailable: Record<string, string> = {};
  const random = createRandom(seed);
  const clients: HoldfastClient[] = [];
  let arena: Arena | undefined;
  let working: Clients | undefined;
  let kept = true;
  try {
    say(`starting a private stack in ${folder}`);
    arena = await openArena(folder);
    for (const { kind, unavailable: why } of chosen) {
      const reason = why?.(arena);
      if (typeof reason !== 'string') continue;
      unavailable[kind] = reason;
      say(`${kind} cannot be had on this machine: ${reason}`);
    }
    const faults = chosen.filter(({ kind }) => unavailable[kind] === undefined);
    const counts = new Map(faults.map(({ kind }) => [kind, 0]));
    if (sabotage) await applySabotage(arena, sabotage);
    await arena.workers.refill(workerCount);
    for (let i = 0; i < (options.clients ?? 4); i++) clients.push(await arena.connect(tenants.own));
    const neighbour = await arena.connect(tenants.neighbour);
    const files = { history: join(folder, 'history.jsonl'), payments: join(folder, 'payments.json') };
    working = startClients({
      clients: clients.map((client, i) => ({ name: `c${i}`, client })),
      history: openHistory(files.history),
      random,
      source: { neighbour: () => neighbour, ...maintenance(arena, sabotage) },
    });
    clients.push(neighbour);

    const samples = [sample()];
    const failures: string[] = [];
    let kills = 0;
    let withoutEffect = 0;
    let tried = 0;
    const isOver = (): boolean =>
      signal?.aborted === true ||
      (tried >= faults.length &&
        ('kills' in until ? kills >= until.kills : performance.now() - began >= until.minutes * 60_000));
    for (const fault of planFaults(random.part('faults'), faults)) {
      if (isOver()) break;
      if ('kills' in until && withoutEffect >= mostWithoutKill) {
        failures.push(`the last ${withoutEffect} faults killed nothing: ${kills} of ${until.kills} kills were reached`);
        break;
      }
      await progress(working);
      const outcome = await inject(
        fault,
        { arena, clients: working, random: random.part(`${fault.kind}-${tried}`) },
        say,
      );
      tried += 1;
      kills += outcome.kills;
      if (outcome.failure !== undefined) failures.push(outcome.failure);
      withoutEffect = outcome.kills > 0 ? 0 : withoutEffect + 1;
      if (outcome.landed) counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1);
      // What never landed has another try, so that a run fails for what cannot happen and not for bad luck.
      samples.push(sample());
      say(
        `${fault.kind} ${outcome.landed ? 'landed' : 'missed'}; ${tried} faults, ${kills} kills, ${working.acknowledged()} done, ${working.tally.inDoubt} in doubt`,
      );
    }
    for (const fault of faults.filter(({ kind }) => counts.get(kind) === 0)) {
      for (let again = 0; again < 3 && counts.get(fault.kind) === 0 && signal?.aborted !== true; again++) {
        const outcome = await inject(
          fault,
          { arena, clients: working, random: random.part(`${fault.kind}+${again}`) },
          say,
        );
        kills += outcome.kills;
        if (outcome.failure !== undefined) failures.push(outcome.failure);
        if (outcome.landed) counts.set(fault.kind, 1);
        say(`${fault.kind} again: ${outcome.landed ? 'landed' : 'missed'}`);
      }
    }

    say('no more faults; waiting until everything has come to an end');
    const tally = working.tally;
    await working.stop();
    // While clients and stack still hold what they hold: what grew with the work is seen, what was there at the start is not.
    const grown = growth(samples);
    const unsettled = await settle(arena, clients[0], options.settleMs ?? 120_000);
    const shop = await fetch(`${arena.model.url.replace(/\/v1$/, '')}/payments/refunds`);
    await writeFile(files.payments, JSON.stringify(((await shop.json()) as { refunds: unknown }).refunds));
    await Promise.all(clients.splice(0).map((client) => client.close()));
    const starts = new Map(arena.workers.starts());
    for (const pid of [arena.postgres.pid, arena.temporal.pid ?? 0].filter((one) => one > 0))
      starts.set(pid, (await readProcessStart(pid)) ?? '');
    await arena.workers.stop();
    const left = await findLeftInDatabase(arena);
    say('checking');
    const answer = await startChecker(arena, {
      adminUrl: arena.postgres.adminUrl,
      tenant: tenants.own,
      neighbour: tenants.neighbour,
      ...files,
      files: await scannedFiles(folder),
      segments: await exportsIn(folder),
    });
    await arena.stop();
    left.push(...(await findLiving(starts)), ...explainHeld(atFirst, sample()));

    const work = Object.fromEntries([...workKinds, ...followUps].map((kind) => [kind, tally.done.get(kind) ?? 0]));
    const operations = readHistory(files.history);
    const figures = {
      kills,
      faults: Object.fromEntries(counts),
      in_doubt: tally.inDoubt,
      unanswered: Object.fromEntries(tally.unanswered),
      refused: Object.fromEntries(tally.refused),
      retries: tally.retries,
      failed: tally.failed,
      turns: operations.filter(({ turn }) => turn !== undefined).length,
      work,
      events: answer.events,
      ...countFound(answer),
    };
    const complaints = [
      ...tally.unexpected.map((error) => `a client saw ${error}`),
      ...unsettled,
      ...left,
      ...explainGrowth(grown),
      ...findMissing(figures.faults, work, tally.retries),
      ...failures,
      ...(signal?.aborted === true ? ['it was stopped before its end'] : []),
    ];
    const ok = figures.violations === 0 && complaints.length === 0;
    kept = !ok;
    return {
      ok,
      seed,
      seconds: Math.round((performance.now() - began) / 1_000),
      figures,
      invariants: answer.invariants,
      unavailable,
      complaints,
      growth: grown,
      history: shrinkHistory(answer, operations),
      replay: replayCommand(options),
      folder: kept ? folder : null,
    };
  } finally {
    await working?.stop().catch(() => undefined);
    await Promise.allSettled(clients.map((client) => client.close()));
    await arena?.stop();
    if (!kept) await removeStackFolder(folder);
  }
}

async function inject(
  fault: Fault,
  context: Parameters<Fault['inject']>[0],
  say: (line: string) => void,
): Promise<FaultOutcome & { readonly failure?: string }> {
  try {
    return await fault.inject(context);
  } catch (error) {
    const failure = `the fault ${fault.kind} ended in an error: ${error instanceof Error ? error.message : String(error)}`;
    say(failure);
    await context.arena.workers.refill(workerCount);
    return { landed: false, kills: 0, failure };
  }
}

/** Lets some work get through between two faults: a stack that is always down proves nothing. */
async function progress(clients: Clients): Promise<void> {
  const wanted = clients.acknowledged() + 2;
  const deadline = performance.now() + 8_000;
  while (clients.acknowledged() < wanted && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Care of the database while everything goes on. */
function maintenance(arena: Arena, sabotage: Sabotage | undefined) {
  const { postgres, schema, folder } = arena;
  return {
    rebuild: async () => {
      await rebuildViews({ adminUrl: postgres.adminUrl, schema });
      if (sabotage) await weakenViews(arena, sabotage);
    },
    // Into a folder of the client's own, as a backup job has it.
    exportLog: async (client: string) => {
      const target = join(folder, 'segments', client);
      const pool = openPool({ url: postgres.adminUrl, role: ownerRole, applicationName: 'holdfast export' });
      pool.on('connect', (client) => client.on('error', () => undefined));
      try {
        await mkdir(target, { recursive: true });
        await exportLog({ pool, tenant: tenants.own, folder: target });
      } finally {
        await pool.end();
      }
    },
  };
}

/** Where nothing of the forgotten may stand. */
async function scannedFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const place of ['temporal', 'segments', 'worker.log']) {
    const path = join(folder, place);
    const names = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => null);
    if (names === null) found.push(path);
    else found.push(...names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)));
  }
  return found;
}

/** Folders that clients exported the log into. */
async function exportsIn(folder: string): Promise<string[]> {
  const place = join(folder, 'segments');
  return (await readdir(place).catch(() => [])).map((name) => join(place, name));
}

function replayCommand({ seed, until, sabotage, faults }: ChaosOptions): string {
  return [
    'holdfast verify --chaos',
    'kills' in until ? `--kills ${until.kills}` : `--minutes ${until.minutes}`,
    `--seed ${seed}`,
    ...(sabotage ? [`--sabotage ${sabotage}`] : []),
    ...(faults ? [`--faults ${faults.join(',')}`] : []),
  ].join(' ');
}
