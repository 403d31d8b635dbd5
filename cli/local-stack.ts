import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Config } from '../config/config.ts';
import { childEnvironment, usesDemoModel } from '../config/config.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { applicationRole, createTenant, migrate } from '../eventstore/index.ts';
import { startChild } from '../stack/child-process.ts';
import type { Child } from '../stack/child-process.ts';
import { findFreePort } from '../stack/free-port.ts';
import {
  claimFolder,
  describeService,
  endLeftovers,
  readOwner,
  recordServices,
  releaseFolder,
} from '../stack/own-folder.ts';
import type { StackService } from '../stack/own-folder.ts';
import { startPostgres } from '../stack/start-postgres.ts';
import { startTemporal } from '../stack/start-temporal.ts';
import { bundleWorkflows } from '../worker/bundle-workflows.ts';
import { serviceNames } from './connect.ts';
import { ensureMasterKey, findSchema, masterKeyFile } from './master-key.ts';

export interface LocalStackOptions {
  readonly config: Config;
  /** Receives one line about each thing that takes time or that one should know. */
  readonly onProgress: (line: string) => void;
}

/** The servers of this folder, started by us or found running. */
export interface LocalStack {
  /** False when another process owns it: `stop` then leaves it alone. */
  readonly owned: boolean;
  readonly databaseUrl: string;
  readonly adminUrl: string;
  readonly temporalAddress: string;
  readonly temporalUi: string | null;
  /** Base URL of the demo model; its host also serves the example shop. */
  readonly demoModelUrl: string;
  /** Starts a worker process on these servers. The caller ends it. */
  startWorker(options: WorkerProcessOptions): Promise<Child>;
  /** Adds the worker to what the next start ends if we are killed. */
  recordWorker(worker: Child): Promise<void>;
  /** Ends what we started, in reverse order. */
  stop(): Promise<void>;
}

export interface WorkerProcessOptions {
  readonly taskQueue: string;
  readonly tenant: string;
  /** @default that of the configuration */
  readonly heartbeatMs?: number;
  /** Boundary at which the process ends itself, see worker/failpoint.ts. @default none */
  readonly failpoint?: string;
  /** File with the agents. @default that of the configuration */
  readonly configFile?: string;
  readonly onExit?: (exit: { readonly code: number | null; readonly signal: string | null }) => void;
}

type Servers = Pick<LocalStack, 'databaseUrl' | 'adminUrl' | 'temporalAddress' | 'temporalUi' | 'demoModelUrl'>;

/**
 * Starts PostgreSQL, Temporal and the demo model of this folder, migrated and ready; or finds those of the process that owns it.
 * What a killed run left behind is ended or taken over. Servers named by the environment are used, never started or stopped.
 */
export async function openLocalStack({ config, onProgress }: LocalStackOptions): Promise<LocalStack> {
  await ensureMasterKey(config);
  const found = await findRunning(config);
  if (found) {
    onProgress(`using the stack that process ${found.ownerPid} runs in this folder`);
    await prepareDatabase(config, found.servers.adminUrl, onProgress);
    return {
      ...found.servers,
      owned: false,
      ...workers(config, found.servers),
      recordWorker: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    };
  }
  const { leftovers } = await claimFolder(config.stateDir);
  const ended = await endLeftovers(leftovers);
  if (ended.length > 0)
    onProgress(`ended what an earlier run left behind: ${ended.map(({ name }) => name).join(', ')}`);

  const services: StackService[] = [];
  const closers: (() => Promise<unknown>)[] = [() => releaseFolder(config.stateDir)];
  const stop = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  const record = async (name: string, pid: number | null, url: string | null): Promise<void> => {
    services.push(await describeService(name, pid, url));
    await recordServices(config.stateDir, services);
  };
  try {
    const [database, temporal] = await bothOrNeither(
      startDatabase(config, onProgress),
      startTemporal({
        dir: config.stateDir,
        ...(config.temporal.address === null ? {} : { address: config.temporal.address }),
        onProgress,
      }),
      closers,
    );
    await record(serviceNames.postgres, database.pid, database.adminUrl);
    await record(serviceNames.database, null, database.databaseUrl);
    await record(serviceNames.temporal, temporal.pid, temporal.address);
    await record(serviceNames.temporalUi, null, temporal.uiUrl);

    const { child: demoModel, url: demoModelUrl } = await startDemoModel(config);
    closers.push(() => demoModel.stop());
    await record(serviceNames.demoModel, demoModel.pid, demoModelUrl);
    await bundleWorkflows(bundleFile(config));

    const servers = {
      databaseUrl: database.databaseUrl,
      adminUrl: database.adminUrl,
      temporalAddress: temporal.address,
      temporalUi: temporal.uiUrl,
      demoModelUrl,
    };
    return {
      ...servers,
      owned: true,
      ...workers(config, servers),
      recordWorker: async (worker) => {
        const index = services.findIndex(({ name }) => name === serviceNames.worker);
        if (index !== -1) services.splice(index, 1);
        await record(serviceNames.worker, worker.pid, null);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Name of the model and address that workers of this stack use, in words. */
export function describeModel(config: Config, { demoModelUrl }: Pick<LocalStack, 'demoModelUrl'>): string {
  if (usesDemoModel(config)) return `demo model (scripted, not an AI) at ${demoModelUrl}`;
  return `${config.model.name ?? 'gpt-4.1-mini'} at ${config.model.baseUrl ?? "the provider's default address"}`;
}

/** Another stack that starts at this moment may take the port between our look and our start: then the next one is taken. */
async function startDemoModel(config: Config): Promise<{ child: Child; url: string }> {
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort(8_799);
    try {
      const child = await startChild({
        name: serviceNames.demoModel,
        command: process.execPath,
        args: [programFile('llm', 'demo-model'), '--port', String(port)],
        logFile: join(config.stateDir, 'demo-model.log'),
        ready: /listening on/,
      });
      return { child, url: `http://127.0.0.1:${port}/v1` };
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

interface RunningDatabase {
  readonly adminUrl: string;
  readonly databaseUrl: string;
  readonly pid: number | null;
  stop(): Promise<void>;
}

async function startDatabase(config: Config, onProgress: (line: string) => void): Promise<RunningDatabase> {
  if (config.databaseUrl !== null) {
    const adminUrl = config.adminDatabaseUrl ?? config.databaseUrl;
    await prepareDatabase(config, adminUrl, onProgress);
    return { adminUrl, databaseUrl: config.databaseUrl, pid: null, stop: () => Promise.resolve() };
  }
  const postgres = await startPostgres({ dir: config.stateDir, onProgress });
  try {
    await prepareDatabase(config, postgres.adminUrl, onProgress);
    const databaseUrl = await applicationUrl(config, postgres.adminUrl);
    return { adminUrl: postgres.adminUrl, databaseUrl, pid: postgres.pid, stop: () => postgres.stop() };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function prepareDatabase(config: Config, adminUrl: string, onProgress: (line: string) => void): Promise<void> {
  await migrate({ schema: await findSchema(config), adminUrl, onProgress });
  await createTenant(adminUrl, config.tenant);
}

/** The local application role gets a login of its own, so that no worker ever holds the superuser's password. */
async function applicationUrl(config: Config, adminUrl: string): Promise<string> {
  const file = join(config.stateDir, 'application-role');
  const password = (await readFile(file, 'utf8').catch(() => '')).trim() || randomBytes(24).toString('hex');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(`alter role ${applicationRole} login password '${password}'`);
  } finally {
    await admin.end();
  }
  const url = new URL(adminUrl);
  url.username = applicationRole;
  url.password = password;
  return url.href;
}

function workers(config: Config, servers: Servers): Pick<LocalStack, 'startWorker'> {
  return {
    startWorker: ({ taskQueue, tenant, heartbeatMs = config.heartbeatMs, failpoint, configFile, onExit }) =>
      startChild({
        name: serviceNames.worker,
        command: process.execPath,
        args: [programFile('worker')],
        env: childEnvironment({
          HOLDFAST_DATABASE_URL: servers.databaseUrl,
          HOLDFAST_TEMPORAL_ADDRESS: servers.temporalAddress,
          HOLDFAST_TASK_QUEUE: taskQueue,
          HOLDFAST_TENANT: tenant,
          HOLDFAST_HEARTBEAT_MS: String(heartbeatMs),
          HOLDFAST_SHOP_URL: servers.demoModelUrl.replace(/\/v1$/, ''),
          HOLDFAST_WORKFLOW_BUNDLE: bundleFile(config),
          HOLDFAST_FAILPOINT: failpoint ?? '',
          ...(configFile === undefined ? {} : { HOLDFAST_CONFIG: configFile }),
          ...(config.masterKey === null ? { HOLDFAST_MASTER_KEY_FILE: masterKeyFile(config) } : {}),
          ...(usesDemoModel(config) ? { HOLDFAST_LLM_BASE_URL: servers.demoModelUrl, HOLDFAST_MODEL: 'demo' } : {}),
        }),
        logFile: join(config.stateDir, 'worker.log'),
        ready: /worker ready/,
        readyTimeoutMs: 60_000,
        ...(onExit ? { onExit } : {}),
      }),
  };
}

/** The program of a room: TypeScript in a checkout, JavaScript where the package is installed. */
function programFile(...room: readonly string[]): string {
  return join(import.meta.dirname, '..', ...room, `main${extname(import.meta.filename)}`);
}

function bundleFile(config: Config): string {
  return join(config.stateDir, 'workflow-bundle.js');
}

/** The servers of a living owner; waits a moment for one that is still starting them. */
async function findRunning(config: Config): Promise<{ ownerPid: number; servers: Servers } | null> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await readOwner(config.stateDir);
    if (found.state !== 'alive') return null;
    const { pid, since, services } = found.owner;
    const url = (name: string): string | null => services.find((service) => service.name === name)?.url ?? null;
    const [adminUrl, databaseUrl, temporalAddress, demoModelUrl] = [
      url(serviceNames.postgres),
      url(serviceNames.database),
      url(serviceNames.temporal),
      url(serviceNames.demoModel),
    ];
    if (adminUrl !== null && databaseUrl !== null && temporalAddress !== null && demoModelUrl !== null) {
      return {
        ownerPid: pid,
        servers: { adminUrl, databaseUrl, temporalAddress, demoModelUrl, temporalUi: url(serviceNames.temporalUi) },
      };
    }
    if (Date.now() > deadline) {
      throw new HoldfastError(
        'STACK_OWNED',
        `Process ${pid} has owned the stack in ${config.stateDir} since ${since} and is not ready.`,
        {
          hint: `Look at its terminal, or end it (kill ${pid}) and start again.`,
        },
      );
    }
    await delay(250);
  }
}

/** Waits for two starts; when one fails, the other is registered to be stopped before the failure is passed on. */
async function bothOrNeither<A extends { stop(): Promise<void> }, B extends { stop(): Promise<void> }>(
  a: Promise<A>,
  b: Promise<B>,
  closers: (() => Promise<unknown>)[],
): Promise<[A, B]> {
  const results = await Promise.allSettled([a, b]);
  for (const result of results) if (result.status === 'fulfilled') closers.push(() => result.value.stop());
  const [first, second] = results;
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
