import pg from 'pg';
import { UnsafeRoleError } from './errors.ts';
import { retryConnection } from './retry-connection.ts';

/** The role every Holdfast process works as: no superuser, no BYPASSRLS, owns nothing. */
export const applicationRole = 'holdfast_app';
/** The role that owns schema, tables and functions. It never logs in. */
export const ownerRole = 'holdfast_owner';

export interface DatabaseOptions {
  /** Connection URL. Its user must be allowed to `set role` to `role`. */
  readonly url: string;
  /** @default the application role */
  readonly role?: string | null;
  /** Shown in pg_stat_activity. @default 'holdfast' */
  readonly applicationName?: string;
  /** Upper bound of open connections. @default 10 */
  readonly maxConnections?: number;
  /**
   * Give up on one statement after this long; 0 = never. The server ends it then; 5 s later we end the connection, in case the
   * server is out of reach. @default 30000
   */
  readonly statementTimeoutMs?: number;
  /** Give up on one attempt to connect, or on waiting for a free connection, after this long. @default 10000 */
  readonly connectionTimeoutMs?: number;
}

// int8 positions are below 2^53 for any log we could store, so they are plain numbers in TypeScript.
const types = new pg.TypeOverrides();
types.setTypeParser(20, Number);

/**
 * Gives a connection pool whose every session works as the application role from its first statement on: the role travels
 * in the startup packet, so there is no moment with more rights and `reset role` cannot win them back.
 */
export function openPool(options: DatabaseOptions): pg.Pool {
  const {
    url,
    role = applicationRole,
    applicationName = 'holdfast',
    maxConnections = 10,
    statementTimeoutMs = 30_000,
    connectionTimeoutMs = 10_000,
  } = options;
  if (/[?&]options=/.test(url)) {
    throw new UnsafeRoleError(role ?? 'of the URL', 'would be set aside by the `options` of the database URL');
  }
  const pool = new pg.Pool({
    connectionString: url,
    application_name: applicationName,
    max: maxConnections,
    connectionTimeoutMillis: connectionTimeoutMs,
    // A connection whose other end is gone without a word: while idle, keepalive probes find out in about 20 s; while a
    // statement waits for its answer, the driver's own limit does, a little after the server's.
    // Statements that do not wait for each other's answers share a round trip.
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(statementTimeoutMs === 0 ? {} : { query_timeout: statementTimeoutMs + 5_000 }),
    types,
    options: [
      ...(role === null ? [] : [`-c role=${role}`]),
      '-c search_path=holdfast',
      `-c statement_timeout=${statementTimeoutMs}`,
      '-c idle_in_transaction_session_timeout=60000',
    ].join(' '),
  });
  // A connection that dies while idle is dropped by the pool; without a listener Node would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/**
 * Throws UnsafeRoleError when sessions of the pool could bypass row-level security, SchemaDriftError when the server has no such
 * role yet, StoreUnavailableError when it does not answer.
 */
export async function assertSafeRole(pool: pg.Pool): Promise<void> {
  const { rows } = await retryConnection(() =>
    pool.query<{ name: string; super: boolean; bypass: boolean; owner: boolean }>(
      `select r.rolname as name, r.rolsuper as super, r.rolbypassrls as bypass,
            exists (select from pg_class c where c.relnamespace = to_regnamespace('holdfast') and c.relowner = r.oid) as owner
     from pg_roles r where r.rolname = current_user`,
    ),
  );
  const role = rows[0];
  if (role?.super) throw new UnsafeRoleError(role.name, 'is a superuser');
  if (role?.bypass) throw new UnsafeRoleError(role.name, 'has BYPASSRLS');
  if (role?.owner) throw new UnsafeRoleError(role.name, 'owns tables of the schema');
}
