import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { workflowsPath } from './create-worker.ts';

/** Bundles the workflows once, so that every worker started with the file is ready a second earlier. */
export async function bundleWorkflows(file: string): Promise<void> {
  const silent = (): void => undefined;
  const logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, code);
}
