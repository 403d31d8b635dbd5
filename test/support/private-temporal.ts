import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcess, readProcessStart } from '../../stack/process-identity.ts';
import { findFreePort } from '../../stack/free-port.ts';
import { startTemporal } from '../../stack/start-temporal.ts';
import { makeStackFolder, removeStackFolder } from './stack-folder.ts';

/** A Temporal server of one test, which may do anything to it. */
export interface PrivateTemporal extends AsyncDisposable {
  readonly address: string;
  /** The Temporal CLI that runs it. */
  readonly cli: string;
  /** Kills the server at once. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and with what its database holds. */
  start(): Promise<void>;
  /** Forgets everything the server knew. Kill it first. */
  wipe(): Promise<void>;
}

/** Starts a server of the test's own: `await using temporal = await startPrivateTemporal()`. Takes about 2 s. */
export async function startPrivateTemporal(): Promise<PrivateTemporal> {
  const dir = await makeStackFolder();
  const port = await findFreePort();
  const start = () => startTemporal({ dir, port, headless: true, onProgress: () => undefined });
  let running = await start();
  const { address } = running;
  const record = JSON.parse(await readFile(join(dir, 'temporal', 'server.json'), 'utf8')) as { cli: string };
  return {
    address,
    cli: record.cli,
    kill: async () => {
      const begun = running.pid === null ? undefined : await readProcessStart(running.pid);
      if (running.pid === null || begun === undefined) return;
      await endProcess({ name: 'Temporal', pid: running.pid, start: begun, signals: [['SIGKILL', 10_000]] });
    },
    start: async () => {
      running = await start();
      if (running.address !== address) throw new Error(`The server moved to ${running.address}.`);
    },
    wipe: async () => {
      for (const ending of ['', '-wal', '-shm'])
        await rm(join(dir, 'temporal', `temporal.db${ending}`), { force: true });
    },
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      await removeStackFolder(dir);
    },
  };
}
