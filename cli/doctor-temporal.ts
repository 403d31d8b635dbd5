import type { Connection } from '@temporalio/client';
import type protoTypes from '@temporalio/proto';
import type { Config } from '../config/config.ts';
import { look, ok } from './doctor-finding.ts';
import type { Finding } from './doctor-finding.ts';

/** Pollers are remembered for minutes after a worker is gone; a living one polls at least once in this time. */
const pollMs = 75_000;

/** Checks the Temporal server, what must be registered there, and that a worker polls. */
export async function examineTemporal(address: string, config: Config['temporal']): Promise<Finding[]> {
  const { Connection } = await import('@temporalio/client');
  const { namespace, apiKey, taskQueue } = config;
  // Not Connection.connect: if that fails, its channel stays open and goes on trying.
  const connection = Connection.lazy({
    address,
    connectTimeout: 3_000,
    ...(apiKey === null ? {} : { apiKey, tls: true }),
  });
  try {
    const reached = await examineServer(connection, address);
    if (reached.status === 'fail') return [reached];
    const known = await examineNamespace(connection, namespace);
    if (known.status === 'fail') return [reached, known];
    return [
      reached,
      known,
      await look('search attributes', () => examineSearchAttributes(connection, namespace)),
      await look('worker', () => examineWorker(connection, namespace, taskQueue)),
    ];
  } finally {
    await connection.close();
  }
}

async function examineServer(connection: Connection, address: string): Promise<Finding> {
  try {
    await connection.ensureConnected();
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    return ok('temporal', `version ${serverVersion || 'unknown'} at ${address}`);
  } catch {
    return {
      check: 'temporal',
      status: 'fail',
      message: `no Temporal server answers at ${address}`,
      fix: 'Start it (`./temporal-dev.sh`, or `npm run dev` for the whole stack), or correct TEMPORAL_ADDRESS.',
    };
  }
}

async function examineNamespace(connection: Connection, namespace: string): Promise<Finding> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return ok('namespace', `"${namespace}"`);
  } catch (error) {
    return {
      check: 'namespace',
      status: 'fail',
      message: `"${namespace}" cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      fix: `Create it (\`temporal operator namespace create -n ${namespace}\`), or correct TEMPORAL_NAMESPACE.`,
    };
  }
}

async function examineSearchAttributes(connection: Connection, namespace: string): Promise<Finding> {
  const { turnSearchAttributes } = await import('../client/start-turn.ts');
  const wanted = Object.values(turnSearchAttributes).map(({ name }) => name);
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = wanted.filter((name) => !(name in customAttributes));
  if (missing.length === 0) return ok('search attributes', `${wanted.length} registered`);
  return {
    check: 'search attributes',
    status: 'fail',
    message: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not registered, so no turn can start`,
    fix: `Register with \`temporal operator search-attribute create -n ${namespace} ${missing.map((name) => `--name ${name} --type Keyword`).join(' ')}\`.`,
  };
}

async function examineWorker(connection: Connection, namespace: string, taskQueue: string): Promise<Finding> {
  const { default: proto } = await import('@temporalio/proto');
  const { TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW } = proto.temporal.api.enums.v1.TaskQueueType;
  const polledBy = async (
    taskQueueType: protoTypes.temporal.api.enums.v1.TaskQueueType,
    queue = taskQueue,
  ): Promise<boolean> => {
    const { pollers } = await connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: queue },
      taskQueueType,
    });
    return pollers.some(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < pollMs);
  };
  const { backgroundQueue } = await import('../workflows/messages.ts');
  const [workflows, activities, background] = await Promise.all([
    polledBy(TASK_QUEUE_TYPE_WORKFLOW),
    polledBy(TASK_QUEUE_TYPE_ACTIVITY),
    polledBy(TASK_QUEUE_TYPE_ACTIVITY, backgroundQueue(taskQueue)),
  ]);
  if (workflows && activities && !background) {
    return {
      check: 'worker',
      status: 'warn',
      message: `nobody polls task queue "${backgroundQueue(taskQueue)}": replies come, but no memories are extracted from turns`,
      fix: 'Start a worker with `--queues background`, or one that serves all queues.',
    };
  }
  if (workflows && activities) return ok('worker', `polls task queue "${taskQueue}"`);
  return {
    check: 'worker',
    status: 'fail',
    message:
      workflows || activities
        ? `task queue "${taskQueue}" is polled for ${workflows ? 'workflows' : 'activities'} only`
        : `nobody polls task queue "${taskQueue}"`,
    fix: 'Start one with `npm run dev` or `node worker/main.ts`, or correct HOLDFAST_TASK_QUEUE.',
  };
}
