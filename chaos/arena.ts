import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { createClient } from '../client/index.ts';
import type { HoldfastClient } from '../client/index.ts';
import { applicationRole, createMasterKey, createTenant, localKeyWrapper, migrate } from '../eventstore/index.ts';
import type { LogSchema } from '../eventstore/index.ts';
import type { Misbehaviour } from '../llm/demo-model/misbehaviour.ts';
import { startDemoModel } from '../llm/demo-model/server.ts';
import type { DemoModel } from '../llm/demo-model/server.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { holdfastSchema } from '../projections/index.ts';
import { bundleQuietly } from '../worker/deployment.ts';
import { workflowsPath } from '../worker/create-worker.ts';
import { startPrivatePostgres, startPrivateTemporal } from './private-servers.ts';
import type { PrivatePostgres, PrivateTemporal } from './private-servers.ts';
import { buildShiftedClock } from './shifted-clock.ts';
import type { ShiftedClock } from './shifted-clock.ts';
import { startProxy } from './swallowing-proxy.ts';
import type { SwallowingProxy } from './swallowing-proxy.ts';
import { createWorkers, times } from './workers.ts';
import type { Workers } from './workers.ts';

/** The tenant that is worked in, and another one beside it. */
export const tenants = { own: 'chaos', neighbour: 'neighbour' };

/** A whole private stack of which every part may be broken. */
export interface Arena {
  readonly folder: string;
  readonly postgres: PrivatePostgres;
  readonly temporal: PrivateTemporal;
  /** The clock that PostgreSQL and the workers live by, or in words why it cannot be set here. */
  readonly clock: ShiftedClock | string;
  readonly model: DemoModel;
  readonly workers: Workers;
  /** Between workers and PostgreSQL, and between clients and PostgreSQL. */
  readonly proxies: { readonly workers: SwallowingProxy; readonly clients: SwallowingProxy };
  readonly schema: LogSchema<MemoryEvent>;
  readonly masterKey: string;
  readonly taskQueue: string;
  /** Text that every append sends, and nothing else. */
  readonly appendMarker: string;
  /** A statement as superuser on a connection of its own, past the proxies. Throws when the server is away. */
  readonly query: <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;
  /** Opens a client that goes through the proxy. */
  connect(tenant: string): Promise<HoldfastClient>;
  /** Has the next `times` requests to the model go wrong. Gives how many did so far. */
  misbehave(how: Misbehaviour, times: number): () => number;
  /** Ends all of it. */
  stop(): Promise<void>;
}

/** Starts the stack in a folder: PostgreSQL, Temporal, the demo model, proxies; no worker yet. */
export async function openArena(folder: string): Promise<Arena> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    const failed: unknown[] = [];
    // What cannot be closed keeps nothing else open.
    for (const closer of closers.splice(0).reverse()) await closer().catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  };
  try {
    await mkdir(folder, { recursive: true });
    const clock = await buildShiftedClock();
    if (typeof clock !== 'string') closers.push(() => clock.remove());
    const environment = typeof clock === 'string' ? {} : clock.environment;
    const [postgres, temporal, bundles] = await allOrNone(
      [
        startPrivatePostgres(folder, { environment, fillable: true }),
        startPrivateTemporal(folder),
        writeBundles(folder),
      ] as const,
      closers,
    );
    const masterKey = createMasterKey();
    const keyWrapper = localKeyWrapper(masterKey);
    const schema: LogSchema<MemoryEvent> = { ...holdfastSchema, keyWrapper };
    await migrate({ adminUrl: postgres.adminUrl, schema });
    for (const tenant of Object.values(tenants)) await createTenant(postgres.adminUrl, tenant);
    const query: Arena['query'] = async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
      const client = new pg.Client({ connectionString: postgres.adminUrl, application_name: 'chaos' });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query<Row>(sql, [...values])).rows;
      } finally {
        await client.end().catch(() => undefined);
      }
    };
    const password = randomBytes(16).toString('hex');
    await query(`alter role ${applicationRole} login password '${password}'`);
    const url = new URL(postgres.adminUrl);
    url.username = applicationRole;
    url.password = password;
    const [workerProxy, clientProxy] = [await startProxy(url.href), await startProxy(url.href)];
    for (const proxy of [workerProxy, clientProxy]) closers.push(() => proxy.close());

    let trouble: { readonly how: Misbehaviour; left: number } | undefined;
    let troubled = 0;
    const model = await startDemoModel({
      script: () => {
        if (trouble === undefined || trouble.left === 0) return undefined;
        trouble.left -= 1;
        troubled += 1;
        return trouble.how;
      },
    });
    closers.push(() => model.close());
    const taskQueue = `chaos-${randomBytes(4).toString('hex')}`;
    const workers = createWorkers({
      databaseUrl: workerProxy.url,
      temporalAddress: temporal.address,
      taskQueue,
      tenant: tenants.own,
      modelUrl: model.url,
      masterKey,
      logFile: join(folder, 'worker.log'),
      environment,
      bundles,
    });
    closers.push(() => workers.stop());
    const [version] = await query<{ version: string }>('select holdfast.views_version() as version');
    return {
      folder,
      postgres,
      temporal,
      clock,
      model,
      workers,
      proxies: { workers: workerProxy, clients: clientProxy },
      schema,
      masterKey,
      taskQueue,
      appendMarker: version?.version ?? '',
      query,
      connect: (tenant) =>
        createClient({
          database: { url: clientProxy.url, adminUrl: postgres.adminUrl },
          keyWrapper,
          temporal: { address: temporal.address, taskQueue },
          tenant,
          embedder: createHashEmbedder(),
          heartbeatMs: times.heartbeatMs,
        }),
      misbehave: (how, count) => {
        const before = troubled;
        trouble = { how, left: count };
        return () => troubled - before;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Two versions of the same code: what a deploy changes is which bytes run. */
async function writeBundles(folder: string): Promise<string[]> {
  const { code } = await bundleQuietly(workflowsPath);
  return Promise.all(
    [1, 2].map(async (version) => {
      const file = join(folder, `workflows-${version}.js`);
      await writeFile(file, `/* version ${version} */ ${code}`);
      return file;
    }),
  );
}

type Stoppable = { stop(): Promise<void> };

/** Waits for all; what did start is registered to be stopped, whatever becomes of the others. */
async function allOrNone<A extends Stoppable, B extends Stoppable, C>(
  starts: readonly [Promise<A>, Promise<B>, Promise<C>],
  closers: (() => Promise<unknown>)[],
): Promise<[A, B, C]> {
  const [first, second, third] = await Promise.allSettled(starts);
  for (const server of [first, second]) if (server.status === 'fulfilled') closers.push(() => server.value.stop());
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  if (third.status === 'rejected') throw third.reason;
  return [first.value, second.value, third.value];
}
