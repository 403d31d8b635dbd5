import type pg from 'pg';
import type { TurnRow } from '../projections/threads/queries.ts';
import { failed, look, ok } from './doctor-finding.ts';
import type { Finding } from './doctor-finding.ts';

const leastVersion = 15;
/** A turn without an end after this long deserves a look. */
const oldTurnMs = 60_000;

/** Checks the database, and in its log what waits. The later checks need the earlier ones. */
export async function examinePostgres(
  url: string,
  { tenant, pgvectorFrom }: { readonly tenant: string; readonly pgvectorFrom: number | null },
): Promise<Finding[]> {
  const { assertSafeRole, assertSchema, createEventStore, findLoginRisk, openPool } =
    await import('../eventstore/index.ts');
  const { holdfastSchema } = await import('../projections/index.ts');
  const findings: Finding[] = [];
  // First as whoever the URL names: on a new server the application role does not exist yet.
  const anyone = openPool({ url, role: null, applicationName: 'holdfast doctor', maxConnections: 1 });
  try {
    findings.push(await look('postgres', () => examineVersion(anyone)));
  } finally {
    await anyone.end();
  }
  if (findings.some(({ status }) => status === 'fail')) return findings;

  const pool = openPool({ url, applicationName: 'holdfast doctor', maxConnections: 2 });
  try {
    findings.push(
      await look('database role', async () => {
        await assertSafeRole(pool);
        return ok('database role', 'cannot get around row-level security');
      }),
      await look('database login', async () => {
        const risk = await findLoginRisk(pool);
        if (!risk) return ok('database login', 'can become nothing else');
        return {
          check: 'database login',
          status: 'warn',
          message: `"${risk.login}" ${risk.why}: SQL that gets into a session could leave the application role`,
          fix: `For production: \`${risk.fix}\`, DATABASE_URL with that login, and HOLDFAST_ADMIN_DATABASE_URL with this one.`,
        };
      }),
      await look('schema', async () => {
        await assertSchema(pool, holdfastSchema);
        return ok('schema', 'up to date');
      }),
    );
    if (findings.some(({ status }) => status === 'fail')) return findings;
    const store = createEventStore({ pool, schema: holdfastSchema });
    const known = await look('tenant', async () => {
      await store.tenantNumber(tenant);
      return ok('tenant', `"${tenant}", ${await store.head(tenant)} events`);
    });
    findings.push(known);
    if (known.status === 'ok') {
      const no = await store.tenantNumber(tenant);
      findings.push(
        ...(await examineLog(pool, no)),
        await look('pgvector', () => examinePgvector(pool, no, pgvectorFrom)),
      );
    }
    return findings;
  } finally {
    await pool.end();
  }
}

async function examineVersion(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ server_version: string; number: number }>(
    `select current_setting('server_version') as server_version, current_setting('server_version_num')::int as number`,
  );
  const { server_version: version = '', number = 0 } = rows[0] ?? {};
  if (number >= leastVersion * 10_000) return ok('postgres', `version ${version}`);
  const message = `version ${version}; Holdfast needs ${leastVersion} or later`;
  return { check: 'postgres', status: 'fail', message, fix: 'Use a newer PostgreSQL server.' };
}

async function examineLog(pool: pg.Pool, tenant: number): Promise<Finding[]> {
  const { readViews } = await import('../projections/read-views.ts');
  const { listApprovals, listTurns } = await import('../projections/threads/queries.ts');
  try {
    return await readViews(pool, tenant, async (reader) => {
      const turns = await listTurns(reader, { open: true });
      const approvals = await listApprovals(reader, { pending: true });
      return [openTurns(turns.filter(isStuck)), undecided(approvals.length)];
    });
  } catch (error) {
    return [failed('open turns', error)];
  }
}

async function examinePgvector(pool: pg.Pool, tenant: number, from: number | null): Promise<Finding> {
  const { readViews } = await import('../projections/read-views.ts');
  const { readPgvectorStatus } = await import('../projections/search/pgvector-status.ts');
  const { note, fix } = await readViews(pool, tenant, (reader) => readPgvectorStatus(reader, from));
  return { check: 'pgvector', status: fix === null ? 'ok' : 'warn', message: note, fix };
}

function isStuck({ status, occurredAt }: TurnRow): boolean {
  return status === 'running' && Date.now() - occurredAt.getTime() > oldTurnMs;
}

function openTurns(stuck: readonly TurnRow[]): Finding {
  const [first] = stuck;
  if (!first) return ok('open turns', 'none is older than a minute');
  const many = stuck.length === 1 ? '1 turn has' : `${stuck.length} turns have`;
  return {
    check: 'open turns',
    status: 'warn',
    message: `${many} been running for more than a minute, the oldest "${first.turn}" of thread "${first.thread}"`,
    fix: `Start a worker; if one runs, send the same turn id again. See it with \`holdfast threads ${first.thread}\`.`,
  };
}

function undecided(count: number): Finding {
  if (count === 0) return ok('approvals', 'none waits');
  return {
    check: 'approvals',
    status: 'warn',
    message: `${count} ${count === 1 ? 'approval waits' : 'approvals wait'} for a person`,
    fix: 'See them with `holdfast approvals ls`.',
  };
}
