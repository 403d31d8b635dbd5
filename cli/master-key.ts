import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { createMasterKey, KeyUnavailableError, localKeyWrapper } from '../eventstore/index.ts';
import type { KeyWrapper, LogSchema } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { holdfastSchema } from '../projections/index.ts';

/** File of the local stack's own master key. */
export function masterKeyFile({ stateDir }: Pick<Config, 'stateDir'>): string {
  return join(stateDir, 'master.key');
}

/**
 * Opens the master keys: those of the environment, or for the local stack's own database those of its file. Undefined when there are
 * none: what needs them then says so. Throws HoldfastError INVALID_MASTER_KEY.
 */
export async function findKeyWrapper(config: Config): Promise<KeyWrapper | undefined> {
  if (config.masterKey !== null) return localKeyWrapper(config.masterKey);
  if (config.databaseUrl !== null) return undefined;
  const text = await readFile(masterKeyFile(config), 'utf8').catch(() => null);
  return text === null ? undefined : localKeyWrapper(text);
}

/** Makes the local stack's master key when it is first started. With a database of the user's own, the key must be the user's own, too. */
export async function ensureMasterKey(config: Config): Promise<void> {
  if (config.masterKey !== null) return;
  if (config.databaseUrl !== null) throw missingMasterKey();
  const file = masterKeyFile(config);
  await mkdir(config.stateDir, { recursive: true });
  // Linked in one step, so that of two that start at once both get the same key, whole.
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${createMasterKey()}\n`, { mode: 0o600 });
  try {
    await link(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The schema of a Holdfast database with this process's way to its keys. */
export async function findSchema(config: Config): Promise<LogSchema<MemoryEvent>> {
  const keyWrapper = await findKeyWrapper(config);
  return keyWrapper ? { ...holdfastSchema, keyWrapper } : holdfastSchema;
}

/** The error of a process that cannot work without a master key. */
export function missingMasterKey(): KeyUnavailableError {
  return new KeyUnavailableError('HOLDFAST_MASTER_KEY is not set: personal data is never stored without encryption.');
}
