import type pg from 'pg';
import { ownerRole } from './database.ts';
import { retryConnection } from './retry-connection.ts';

/** Why the login of a pool's sessions is more than the application needs. */
export interface LoginRisk {
  readonly login: string;
  /** What it is or may become, in words that go on after its name. */
  readonly why: string;
  /** SQL that makes a login of the application's own; for an administrator. */
  readonly fix: string;
}

/**
 * Looks behind the role that sessions work as: whoever can run SQL of their own in a session of a privileged login can leave that role with
 * `set role`. Gives null for a login that cannot. Holdfast itself never leaves the role, so this is a finding, not a refusal.
 */
export async function findLoginRisk(pool: pg.Pool): Promise<LoginRisk | null> {
  const { rows } = await retryConnection(() =>
    pool.query<{ login: string; super: boolean; bypass: boolean; creator: boolean; owner: boolean }>(
      `select r.rolname as login, r.rolsuper as super, r.rolbypassrls as bypass, r.rolcreaterole as creator,
              coalesce(pg_has_role(r.oid, to_regrole('${ownerRole}'), 'member'), false) as owner
       from pg_roles r where r.rolname = session_user`,
    ),
  );
  const found = rows[0];
  const why = found?.super
    ? 'is a superuser'
    : found?.bypass
      ? 'has BYPASSRLS'
      : found?.owner
        ? `may become ${ownerRole}, which owns the tables`
        : found?.creator
          ? 'may create roles, and on servers before 16 join any'
          : null;
  if (!found || why === null) return null;
  return {
    login: found.login,
    why,
    fix: `create role holdfast_login login password '…' in role holdfast_app;`,
  };
}
