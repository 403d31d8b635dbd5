import pg from 'pg';

/** Name of the superuser of the local Postgres. */
export const superuser = 'postgres';

/** URL of the maintenance database of the local Postgres, as superuser. */
export function adminUrlOf(port: number, password: string): string {
  // Written out, because PGSSLMODE in the environment would otherwise ask this server for TLS, which it has not.
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres?sslmode=disable`;
}

/** What a server said when it was asked: it answers, is still starting, is not there, or refuses our password. */
export type ServerAnswer = 'ready' | 'starting' | 'silent' | 'denied';

/** Asks a server `select 1`; never rejects. */
export async function askServer(url: string): Promise<ServerAnswer> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 3_000 });
  // A connection that breaks after it was given up emits this; unheard it would end our process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return 'ready';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === '57P03') return 'starting';
    return code === '28P01' || code === '28000' ? 'denied' : 'silent';
  } finally {
    await client.end().catch(() => undefined);
  }
}
