import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { createTenant, migrate } from '../../eventstore/index.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { startPostgres } from '../../stack/start-postgres.ts';
import { startTemporal } from '../../stack/start-temporal.ts';
import { workflowsPath } from '../../worker/create-worker.ts';
import { removeStackFolder } from './stack-folder.ts';

/** What every test file gets of the servers that were started once for the whole run. */
export interface TestServers {
  readonly adminUrl: string;
  readonly templateDatabase: string;
  readonly temporalAddress: string;
  readonly workflowBundle: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    servers: TestServers;
  }
}

const templateDatabase = 'holdfast_template';

/** Starts one PostgreSQL and one Temporal server, migrates the template that test databases are cloned from, bundles workflows. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = join(import.meta.dirname, '..', '..', '.holdfast', `test-${process.pid}`);
  await mkdir(dir, { recursive: true });
  const onProgress = (line: string): void => console.error(`  ${line}`);
  const postgres = await startPostgres({ dir, port: 25432, onProgress });
  const closers = [() => removeStackFolder(dir), () => postgres.stop()];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const temporal = await startTemporal({ dir, port: 27233, headless: true, onProgress });
    closers.push(() => temporal.stop());
    const admin = new pg.Client({ connectionString: postgres.adminUrl });
    await admin.connect();
    await admin.query(`drop database if exists ${templateDatabase}`);
    await admin.query(`create database ${templateDatabase}`);
    await admin.end();
    const url = new URL(postgres.adminUrl);
    url.pathname = templateDatabase;
    await migrate({ schema: holdfastSchema, adminUrl: url.href });
    await createTenant(url.href, 'default');
    const { code } = await bundleWorkflowCode({
      workflowsPath,
      logger: { ...console, log() {}, trace() {}, debug() {}, info() {} },
    });
    const workflowBundle = join(dir, 'workflow-bundle.js');
    await writeFile(workflowBundle, code);
    project.provide('servers', {
      adminUrl: postgres.adminUrl,
      templateDatabase,
      temporalAddress: temporal.address,
      workflowBundle,
    });
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}
