import { loadConfig } from '../config/config.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { runWorker } from './run-worker.ts';

/** Starts a worker from the environment and runs it until SIGINT or SIGTERM. */
async function main(): Promise<void> {
  const config = loadConfig();
  const worker = await runWorker(config);
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
