import { Runtime } from '@temporalio/worker';
import type { Config } from '../config/config.ts';
import { usesDemoModel } from '../config/config.ts';
import { packageVersion } from '../config/package-version.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { KeyUnavailableError, localKeyWrapper } from '../eventstore/index.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import { createOpenAiEmbedder, createOpenAiModel } from '../llm/openai-model.ts';
import { startWorker } from './create-worker.ts';
import type { RunningWorker } from './create-worker.ts';
import { failpointReached } from './failpoint.ts';
import { loadAgents } from './load-agents.ts';
import { RuntimeLogger } from './runtime-logger.ts';

/**
 * Starts a worker from the configuration; it stops at SIGINT or SIGTERM, after what it works on. For the worker's own process: it sets
 * up Temporal's runtime and logs lines of JSON to stderr. Throws HoldfastError CONFIG_INVALID, KeyUnavailableError, and what
 * `loadAgents` and `startWorker` throw.
 */
export async function runWorker(config: Config): Promise<RunningWorker> {
  if (config.databaseUrl === null || config.temporal.address === null) {
    throw new HoldfastError('CONFIG_INVALID', 'A worker needs DATABASE_URL and TEMPORAL_ADDRESS.', {
      hint: 'Set both, or run `npm run dev`, which starts both servers and a worker.',
    });
  }
  if (usesDemoModel(config)) {
    throw new HoldfastError(
      'CONFIG_INVALID',
      'A worker needs a model: neither OPENAI_BASE_URL nor OPENAI_API_KEY is set.',
      {
        hint: 'Set one of them, or run `npm run dev`, which starts the scripted demo model.',
      },
    );
  }
  if (config.masterKey === null) {
    throw new KeyUnavailableError('HOLDFAST_MASTER_KEY is not set: personal data is never stored without encryption.');
  }
  const agents = await loadAgents(config.configFile);
  Runtime.install({ logger: new RuntimeLogger(), shutdownSignals: [] });
  const access = {
    baseUrl: config.model.baseUrl ?? 'https://api.openai.com/v1',
    apiKey: config.model.apiKey ?? 'none',
    timeoutMs: config.model.timeoutMs,
  };
  const worker = await startWorker({
    databaseUrl: config.databaseUrl,
    keyWrapper: localKeyWrapper(config.masterKey),
    temporal: { ...config.temporal, address: config.temporal.address },
    agents,
    model: createOpenAiModel(access),
    defaultModel: config.model.name ?? 'gpt-4.1-mini',
    embedder:
      config.embedder.kind === 'hash'
        ? createHashEmbedder()
        : createOpenAiEmbedder({ ...access, model: config.embedder.model }),
    codeVersion: packageVersion(),
    tenants: [config.tenant],
    heartbeatMs: config.heartbeatMs,
    sweep: { everyMs: config.sweepMs },
    consolidate: { everyMs: config.consolidateHours === 0 ? null : config.consolidateHours * 3_600_000 },
    recall: { pgvectorFrom: config.pgvectorFrom },
    queues: config.queues,
    ...(config.versioning ? { versioning: config.buildId === null ? {} : { buildId: config.buildId } } : {}),
    ...(config.workflowBundle === null ? {} : { workflowBundle: { codePath: config.workflowBundle } }),
    reached: failpointReached(config.failpoint),
    log: (level, message, details) =>
      console.error(JSON.stringify({ level, time: new Date().toISOString(), message, ...details })),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void worker.stop());
  return worker;
}
