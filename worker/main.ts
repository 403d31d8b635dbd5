import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Runtime } from '@temporalio/worker';
import { loadConfig, usesDemoModel } from '../config/config.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { KeyUnavailableError, localKeyWrapper } from '../eventstore/index.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import { createOpenAiEmbedder, createOpenAiModel } from '../llm/openai-model.ts';
import { startWorker } from './create-worker.ts';
import { failpointReached } from './failpoint.ts';
import { loadAgents } from './load-agents.ts';

/** Starts a worker from the environment and runs it until SIGINT or SIGTERM. */
async function main(): Promise<void> {
  const config = loadConfig();
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
  Runtime.install({ shutdownSignals: [] });
  const access = {
    baseUrl: config.model.baseUrl ?? 'https://api.openai.com/v1',
    apiKey: config.model.apiKey ?? 'none',
    timeoutMs: config.model.timeoutMs,
  };
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const worker = await startWorker({
    databaseUrl: config.databaseUrl,
    keyWrapper: localKeyWrapper(config.masterKey),
    temporal: { ...config.temporal, address: config.temporal.address },
    agents: await loadAgents(config.configFile),
    model: createOpenAiModel(access),
    defaultModel: config.model.name ?? 'gpt-4.1-mini',
    embedder:
      config.embedder.kind === 'hash'
        ? createHashEmbedder()
        : createOpenAiEmbedder({ ...access, model: config.embedder.model }),
    codeVersion: version,
    tenants: [config.tenant],
    heartbeatMs: config.heartbeatMs,
    ...(config.workflowBundle === null ? {} : { workflowBundle: { codePath: config.workflowBundle } }),
    reached: failpointReached(config.failpoint),
    log: (level, message, details) =>
      console.error(JSON.stringify({ level, time: new Date().toISOString(), message, ...details })),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void worker.stop());
  console.log(`worker ready: task queue ${config.temporal.taskQueue}, tenant ${config.tenant}`);
  await worker.stopped;
}

main().catch((error: unknown) => {
  const known = error instanceof HoldfastError;
  console.error(
    known ? `${error.code}: ${error.message}${error.hint === undefined ? '' : `\n→ ${error.hint}`}` : error,
  );
  process.exitCode = 1;
});
