import pg from 'pg';
import { makeStackFolder, removeStackFolder } from '../stack/private-folder.ts';
import { startPostgres } from '../stack/start-postgres.ts';

/** A PostgreSQL of one benchmark: real files, real fsync, default settings. Stopped and removed at the end of its block. */
export interface PrivatePostgres extends AsyncDisposable {
  readonly pid: number;
  /** Creates an empty database and gives its URL, as superuser. */
  createDatabase(name: string): Promise<string>;
}

/** Starts a server in a temporary folder: `await using postgres = await startPrivatePostgres()`. */
export async function startPrivatePostgres(onProgress: (line: string) => void): Promise<PrivatePostgres> {
  const dir = await makeStackFolder();
  const postgres = await startPostgres({ dir, port: 26_432, onProgress });
  return {
    pid: postgres.pid,
    createDatabase: async (name) => {
      const client = new pg.Client({ connectionString: postgres.adminUrl });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      const url = new URL(postgres.adminUrl);
      url.pathname = name;
      return url.href;
    },
    [Symbol.asyncDispose]: async () => {
      await postgres.stop();
      await removeStackFolder(dir);
    },
  };
}
