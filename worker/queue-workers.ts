import { Worker } from '@temporalio/worker';
import type { NativeConnection, WorkerOptions as TemporalWorkerOptions } from '@temporalio/worker';
import { backgroundQueue } from '../workflows/messages.ts';

/** Which task queues a worker serves: turns and their tools, what runs behind replies, or both. */
export type Queues = 'turns' | 'background' | 'all';

/** A version of a deployment's workers, as Temporal knows it. */
export interface WorkerVersion {
  /** No dots: Temporal parts the two by one. */
  readonly deploymentName: string;
  readonly buildId: string;
}

export interface QueueWorkersOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly queues: Queues;
  readonly activities: object;
  readonly workflows: Pick<TemporalWorkerOptions, 'workflowBundle' | 'workflowsPath'>;
  /** Called when a stop has waited for as long as it is willing to: steps in the middle are to be given up. */
  readonly giveUp: () => void;
  /** Turns finish on the version they began on. @default unversioned */
  readonly version?: WorkerVersion | undefined;
}

/** How long a stop waits for what is in the middle, in milliseconds. */
const stopGraceMs = 10_000;

/** Workers of several queues that live and die together. */
export interface QueueWorkers {
  /** Settles when all have stopped; when one fails, the others are shut down. */
  run(): Promise<void>;
  shutdown(): void;
}

/**
 * Gives a worker per task queue. Extraction has a queue of its own with few slots: however slow it is, and however much of it waits, a
 * turn never waits for a slot behind it.
 */
export async function createQueueWorkers(options: QueueWorkersOptions): Promise<QueueWorkers> {
  const { connection, namespace, taskQueue, queues, activities, workflows, giveUp, version } = options;
  const shared: Omit<TemporalWorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
    activities,
    shutdownGraceTime: stopGraceMs,
    ...(version === undefined
      ? {}
      : {
          workerDeploymentOptions: {
            version,
            useWorkerVersioning: true,
            // A turn is short, or waits for a person: it ends on the code it began on, and needs no patches.
            defaultVersioningBehavior: 'PINNED' as const,
          },
        }),
  };
  const workers: Worker[] = [];
  if (queues !== 'background') {
    workers.push(
      await Worker.create({
        ...shared,
        ...workflows,
        taskQueue,
        // A cached workflow of a dead worker must move on in a second or two, not after the default ten.
        stickyQueueScheduleToStartTimeout: '1s',
        maxConcurrentActivityTaskExecutions: 64,
      }),
    );
  }
  if (queues !== 'turns') {
    workers.push(
      await Worker.create({
        ...shared,
        taskQueue: backgroundQueue(taskQueue),
        maxConcurrentActivityTaskExecutions: 8,
        maxConcurrentActivityTaskPolls: 2,
      }),
    );
  }
  let grace: NodeJS.Timeout | undefined;
  const shutdown = (): void => {
    grace ??= setTimeout(giveUp, stopGraceMs);
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    async run() {
      const ends = await Promise.allSettled(workers.map((worker) => worker.run().finally(shutdown)));
      clearTimeout(grace);
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
    shutdown,
  };
}
