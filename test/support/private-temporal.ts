import { startPrivateTemporal as startIn } from '../../chaos/private-servers.ts';
import type { PrivateTemporal as Server } from '../../chaos/private-servers.ts';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';

/** A Temporal server of one test, which may do anything to it. */
export type PrivateTemporal = Server & AsyncDisposable;

/** Starts a server of the test's own: `await using temporal = await startPrivateTemporal()`. Takes about 2 s. */
export async function startPrivateTemporal(): Promise<PrivateTemporal> {
  const dir = await makeStackFolder();
  const server = await startIn(dir);
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await removeStackFolder(dir);
    },
  });
}
