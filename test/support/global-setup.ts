import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import type { EventShape, LogSchema } from '../../eventstore/index.ts';
import { createTenant, logMigrations, migrate } from '../../eventstore/index.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { startPostgres } from '../../stack/start-postgres.ts';
import { startTemporal } from '../../stack/start-temporal.ts';
import { workflowsPath } from '../../worker/create-worker.ts';
import { removeStackFolder } from '../../stack/private-folder.ts';

/** What every test file gets of the servers that were started once for the whole run. */
export interface TestServers {
  readonly adminUrl: string;
  /** Migrated to Holdfast's schema, with tenant `default`. */
  readonly templateDatabase: string;
  /** A log without views, with tenant `default`. */
  readonly plainTemplateDatabase: string;
  readonly temporalAddress: string;
  readonly workflowBundle: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    servers: TestServers;
  }
}

const templates = { templateDatabase: 'holdfast_template', plainTemplateDatabase: 'plain_template' };

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
    await createTemplate(postgres.adminUrl, templates.templateDatabase, holdfastSchema);
    await createTemplate(postgres.adminUrl, templates.plainTemplateDatabase, {
      migrationFolders: [logMigrations],
      projections: [],
    });
    const { code } = await bundleWorkflowCode({
      workflowsPath,
      logger: { ...console, log() {}, trace() {}, debug() {}, info() {} },
    });
    const workflowBundle = join(dir, 'workflow-bundle.js');
    await writeFile(workflowBundle, code);
    project.provide('servers', {
      adminUrl: postgres.adminUrl,
      ...templates,
      temporalAddress: temporal.address,
      workflowBundle,
    });
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}

async function createTemplate<E extends EventShape>(
  adminUrl: string,
  name: string,
  schema: LogSchema<E>,
): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`drop database if exists ${name}`);
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = new URL(adminUrl);
  url.pathname = name;
  await migrate({ schema, adminUrl: url.href });
  await createTenant(url.href, 'default');
}
