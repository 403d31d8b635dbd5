import type { HoldfastClient } from '../client/index.ts';
import { createClient } from '../client/index.ts';
import type { Config } from '../config/config.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import { createOpenAiEmbedder } from '../llm/openai-model.ts';
import { findKeyWrapper } from './master-key.ts';
import { readOwner } from '../stack/own-folder.ts';

/** Where the parts are that a command talks to. */
export interface Connections {
  /** For applications: drops to the application role. */
  readonly databaseUrl: string;
  /** For `migrate`. */
  readonly adminUrl: string;
  readonly temporalAddress: string;
  /** The Temporal UI, if it is known. */
  readonly temporalUi: string | null;
  /** `environment`, or the folder of the running local stack. */
  readonly from: string;
}

/** Names under which the local stack records its services. */
export const serviceNames = {
  postgres: 'postgres',
  database: 'database',
  temporal: 'temporal',
  temporalUi: 'temporal ui',
  demoModel: 'demo model',
  worker: 'worker',
} as const;

/**
 * Finds the servers: the environment first, then the local stack that runs in this folder.
 * Throws HoldfastError NOT_CONNECTED when neither names them.
 */
export async function findConnections(config: Config): Promise<Connections> {
  if (config.databaseUrl !== null && config.temporal.address !== null) {
    return {
      databaseUrl: config.databaseUrl,
      adminUrl: config.adminDatabaseUrl ?? config.databaseUrl,
      temporalAddress: config.temporal.address,
      temporalUi: null,
      from: 'environment',
    };
  }
  const owner = await readOwner(config.stateDir);
  const url = (name: string): string | null =>
    owner.state === 'alive' ? (owner.owner.services.find((service) => service.name === name)?.url ?? null) : null;
  const databaseUrl = config.databaseUrl ?? url(serviceNames.database);
  const temporalAddress = config.temporal.address ?? url(serviceNames.temporal);
  if (databaseUrl === null || temporalAddress === null) {
    throw new HoldfastError(
      'NOT_CONNECTED',
      `No Holdfast stack runs in ${config.stateDir}, and the environment names no servers.`,
      {
        hint: 'Start one with `npm run dev` (in another terminal), or set DATABASE_URL and TEMPORAL_ADDRESS.',
      },
    );
  }
  return {
    databaseUrl,
    adminUrl: config.adminDatabaseUrl ?? url(serviceNames.postgres) ?? databaseUrl,
    temporalAddress,
    temporalUi: url(serviceNames.temporalUi),
    from: config.stateDir,
  };
}

/** Opens a client on the servers that `findConnections` finds. The caller closes it. */
export async function connect(config: Config, connections?: Connections): Promise<HoldfastClient> {
  const { databaseUrl, adminUrl, temporalAddress } = connections ?? (await findConnections(config));
  const { baseUrl, apiKey, timeoutMs } = config.model;
  const keyWrapper = await findKeyWrapper(config);
  return createClient({
    database: { url: databaseUrl, adminUrl },
    ...(keyWrapper ? { keyWrapper } : {}),
    temporal: {
      address: temporalAddress,
      namespace: config.temporal.namespace,
      taskQueue: config.temporal.taskQueue,
      ...(config.temporal.apiKey === null ? {} : { apiKey: config.temporal.apiKey }),
    },
    tenant: config.tenant,
    heartbeatMs: config.heartbeatMs,
    recall: { pgvectorFrom: config.pgvectorFrom },
    embedder:
      config.embedder.kind === 'hash'
        ? createHashEmbedder()
        : createOpenAiEmbedder({
            baseUrl: baseUrl ?? 'https://api.openai.com/v1',
            apiKey: apiKey ?? 'none',
            timeoutMs,
            model: config.embedder.model,
          }),
  });
}
