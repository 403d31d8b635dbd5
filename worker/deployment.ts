import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isGrpcServiceError } from '@temporalio/client';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { WorkerVersion } from './queue-workers.ts';

const root = join(import.meta.dirname, '..');

/** Name of the deployment of a task queue: dots, which Temporal parts names and versions by, become dashes. */
export function deploymentNameOf(taskQueue: string): string {
  return taskQueue.replaceAll('.', '-');
}

/** What tells the workflow code of two builds apart: the code version and a digest of the bundle, the same wherever it was made. */
export async function buildIdOf(codeVersion: string, workflows: WorkflowBundleOption): Promise<string> {
  const code = 'code' in workflows ? workflows.code : await readFile(workflows.codePath, 'utf8');
  const portable = code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '').replaceAll(root, '');
  return `${codeVersion}-${createHash('sha256').update(portable).digest('hex').slice(0, 12)}`;
}

/** Bundles the workflows at this path, without a word on success. */
export async function bundleQuietly(workflowsPath: string): Promise<{ readonly code: string }> {
  const silent = (): void => undefined;
  const logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  return { code };
}

/** Thrown when Temporal does not make a version the current one. */
export class DeploymentFailedError extends HoldfastError {
  constructor({ deploymentName, buildId }: WorkerVersion, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super('DEPLOYMENT_FAILED', `Version ${buildId} of deployment "${deploymentName}" was not made current: ${why}`, {
      hint: 'Look at it with `temporal worker deployment describe`; Temporal Server 1.28 or later is needed (docs/deploys.md).',
      cause,
    });
  }
}

/** gRPC codes NOT_FOUND, FAILED_PRECONDITION and UNAVAILABLE. */
const early: ReadonlySet<number> = new Set([5, 9, 14]);

/**
 * Makes a version the one that new turns start on, once its workers have polled. Safe to repeat. Throws DeploymentFailedError when the
 * server does not know the version after 30 s, or refuses.
 */
export async function makeCurrent(client: Client, version: WorkerVersion): Promise<void> {
  const { namespace } = client.options;
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        ...version,
        identity: client.options.identity,
        // A worker of one queue must be able to take over from one of two.
        ignoreMissingTaskQueues: true,
      });
      return;
    } catch (error) {
      // The server hears of a version when its first worker polls: not found, or a precondition that fails, until then.
      const isEarly = isGrpcServiceError(error) && early.has(error.code);
      if (!isEarly || Date.now() > deadline) throw new DeploymentFailedError(version, error);
      await delay(200);
    }
  }
}
