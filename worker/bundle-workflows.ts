import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { workflowsPath } from './create-worker.ts';
import { bundleQuietly } from './deployment.ts';

/** Bundles the workflows once, so that every worker started with the file is ready a second earlier. */
export async function bundleWorkflows(file: string): Promise<void> {
  const { code } = await bundleQuietly(workflowsPath);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, code);
}
