import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  applicationRole,
  assertSafeRole,
  findLoginRisk,
  openPool,
  ownerRole,
  UnsafeRoleError,
} from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase('plain');
// Roles belong to the whole server: the name is this file's own.
const bypassRole = 'holdfast_test_bypass';

beforeAll(() => database.admin.query(`create role ${bypassRole} nologin bypassrls`));
afterAll(() => database.admin.query(`drop role ${bypassRole}`));

describe('assertSafeRole', () => {
  test('takes the application role', async () => {
    await expect(assertSafeRole(database.pool)).resolves.toBeUndefined();
  });

  test.each([
    ['a superuser', null, /is a superuser/],
    ['a role that bypasses row-level security', bypassRole, /"holdfast_test_bypass" has BYPASSRLS/],
    ['the owner of the tables', ownerRole, /"holdfast_owner" owns tables/],
  ])('refuses %s', async (_name, role, message) => {
    const pool = openPool({ url: database.url, role });
    try {
      const error: unknown = await assertSafeRole(pool).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UnsafeRoleError);
      expect(error).toMatchObject({ code: 'UNSAFE_ROLE', hint: expect.stringContaining('holdfast_app') as string });
      expect(String(error)).toMatch(message);
    } finally {
      await pool.end();
    }
  });

  test('the two roles of Holdfast cannot log in and have no rights beyond their own', async () => {
    const { rows } = await database.admin.query(
      `select rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb, rolreplication from pg_roles
       where rolname in ($1, $2) order by rolname`,
      [applicationRole, ownerRole],
    );
    expect(rows).toEqual(
      [applicationRole, ownerRole].map((rolname) => ({
        rolname,
        rolsuper: false,
        rolbypassrls: false,
        rolcanlogin: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
      })),
    );
  });
});

describe('findLoginRisk', () => {
  const name = 'holdfast_test_login';

  async function riskOf(rights: string): Promise<unknown> {
    await database.admin.query(`create role ${name} login password 'l' ${rights}`);
    const url = new URL(database.url);
    [url.username, url.password] = [name, 'l'];
    const pool = openPool({ url: url.href, maxConnections: 1 });
    try {
      // Whatever the login is, the role that its sessions work as is safe.
      await expect(assertSafeRole(pool)).resolves.toBeUndefined();
      return await findLoginRisk(pool);
    } finally {
      await pool.end();
      await database.admin.query(`drop role ${name}`);
    }
  }

  test.each([
    ['superuser', 'is a superuser'],
    [`bypassrls in role ${applicationRole}`, 'has BYPASSRLS'],
    [`in role ${applicationRole}, ${ownerRole}`, 'may become holdfast_owner'],
    [`createrole in role ${applicationRole}`, 'may create roles'],
  ])('names a login that is %s', async (rights, why) => {
    expect(await riskOf(rights)).toEqual({
      login: name,
      why: expect.stringContaining(why) as string,
      fix: expect.stringContaining(`in role ${applicationRole}`) as string,
    });
  });

  test('has nothing to say about a login that is only a member of the application role', async () => {
    expect(await riskOf(`in role ${applicationRole}`)).toBeNull();
  });

  test('is about something real: such a session can leave the role', async () => {
    const pool = openPool({ url: database.url, maxConnections: 1 });
    try {
      expect(await findLoginRisk(pool)).toMatchObject({ why: 'is a superuser' });
      await pool.query('set role none');
      expect((await pool.query(`select from holdfast.tenant`)).rowCount).toBeGreaterThan(0);
    } finally {
      await pool.end();
    }
  });
});

describe('a session of openPool', () => {
  test('works as the application role from its first statement, and `reset` wins nothing back', async () => {
    const client = await database.pool.connect();
    try {
      const who = async (): Promise<unknown> =>
        (await client.query<{ name: string }>('select current_user as name')).rows[0]?.name;
      expect(await who()).toBe(applicationRole);
      for (const statement of ['reset role', 'reset all', 'discard all']) {
        await client.query(statement);
        expect(await who(), statement).toBe(applicationRole);
        expect((await client.query('select from holdfast.event')).rowCount, statement).toBe(0);
        await expect(client.query('select from holdfast.tenant'), statement).rejects.toThrow(/permission denied/);
      }
    } finally {
      // Its prepared statements are gone, so nobody else may get it.
      client.release(true);
    }
  });

  test('reads int8 as a number, keeps the statement timeout and its name', async () => {
    const pool = openPool({ url: database.url, statementTimeoutMs: 50, applicationName: 'named' });
    try {
      const { rows } = await pool.query(
        `select 9007199254740991::bigint as n, current_setting('application_name') as name, current_setting('search_path') as path`,
      );
      expect(rows).toEqual([{ n: 9007199254740991, name: 'named', path: 'holdfast' }]);
      await expect(pool.query('select pg_sleep(5)')).rejects.toThrow(/statement timeout/);
    } finally {
      await pool.end();
    }
  });

  test('that dies while idle is replaced without an error', async () => {
    const pool = openPool({ url: database.url, maxConnections: 1 });
    try {
      const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
      const gone = new Promise((resolve) => pool.once('remove', resolve));
      await database.admin.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await gone;
      await expect(pool.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
    } finally {
      await pool.end();
    }
  });

  test('of a login that is only a member of the application role can become nobody else', async () => {
    const guest = 'holdfast_test_guest';
    await database.admin.query(`create role ${guest} login password 'guest' in role ${applicationRole}`);
    const url = new URL(database.url);
    [url.username, url.password] = [guest, 'guest'];
    const pool = openPool({ url: url.href, maxConnections: 1 });
    const owner = openPool({ url: url.href, role: ownerRole });
    try {
      await expect(assertSafeRole(pool)).resolves.toBeUndefined();
      for (const statement of [`set role ${ownerRole}`, 'set session authorization default; set role postgres']) {
        await expect(pool.query(statement), statement).rejects.toThrow(/permission denied to set role|does not exist/);
      }
      await pool.query('set role none');
      await expect(pool.query('select from holdfast.tenant')).rejects.toThrow(/permission denied/);
      await expect(pool.query('delete from holdfast.event')).rejects.toThrow(/permission denied/);
      await expect(owner.query('select 1')).rejects.toThrow(/permission denied to set role/);
    } finally {
      await pool.end();
      await owner.end();
      await database.admin.query(`drop role ${guest}`);
    }
  });
});
