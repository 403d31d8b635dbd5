/** holdfast/worker: runs turns. For programs with a worker of their own; `holdfast worker` runs one from the environment. */
export { startWorker } from './create-worker.ts';
export { DeploymentFailedError } from './deployment.ts';
export type { Queues, WorkerVersion } from './queue-workers.ts';
export type { RunningWorker, WorkerOptions } from './create-worker.ts';
export { loadAgents } from './load-agents.ts';
export { localKeyWrapper } from '../eventstore/index.ts';
export type { KeyWrapper } from '../eventstore/index.ts';
