import { beforeAll, describe, expect, test } from 'vitest';
import { applicationRole, createEventStore, openPool } from '../../eventstore/index.ts';
import type { Command } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { history } from '../projections/history.ts';
import { testSchema } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';
import { note } from './shapes.ts';
import { fillEmptyTables, tenantContents } from './tenant-contents.ts';

const database = withDatabase();
const numbers = { acme: 0, victim: 0 };
/** Stands in every text and key of the victim, and in nothing that acme may see. */
const secret = 'SECRET';
const commands = history({ seed: 3, turns: 10, mark: 'same' });

/** The same commands with texts of the victim's own: ids, streams, turns and facts are called as acme's are. */
function victims(command: Command<MemoryEvent>): Command<MemoryEvent> {
  const text = JSON.stringify(command.events, (name, value: unknown) =>
    ['message', 'text', 'value', 'instructions', 'result'].includes(name) && typeof value === 'string'
      ? `${secret} ${value}`
      : value,
  );
  return { ...command, events: JSON.parse(text) as Command<MemoryEvent>['events'] };
}

beforeAll(async () => {
  for (const tenant of ['victim', 'acme'] as const) {
    if (tenant === 'victim') await database.admin.query(`update tenant set id = 'victim' where id = 'default'`);
    numbers[tenant] = await database.store.tenantNumber(tenant);
    for (const command of commands)
      await database.store.append(tenant, tenant === 'victim' ? victims(command) : command);
  }
  for (const tenant of [numbers.victim, numbers.acme]) {
    await database.admin.query(
      `insert into subject_key (tenant, subject, no, wrapped, kek_id, forgotten_at) values ($1, 'user:ana', 1, $2, 'k', null),
         ($1, 'user:bo', 1, null, null, 7)`,
      [tenant, tenant === numbers.victim ? secret : 'own'],
    );
    await fillEmptyTables(database.admin, tenant);
  }
  // What only the victim has.
  await database.admin.query(
    `insert into subject_key (tenant, subject, no, wrapped, kek_id) values ($1, 'user:only', 1, $2, 'k'), ($1, 'user:alone', 1, $2, 'k')`,
    [numbers.victim, secret],
  );
  const { admin } = database;
  const { rows } = await admin.query<{ n: number }>(
    `select count(*)::int as n from event where tenant = $1 and data::text like '%${secret}%'`,
    [numbers.victim],
  );
  expect(rows[0]?.n).toBeGreaterThan(20);
});

/** What a statement gives to a session of the application role that works for a tenant; its error as text. */
async function as(tenant: number | '', text: string, values: unknown[] = []): Promise<string> {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    await client.query(`select set_config('holdfast.tenant', $1, true)`, [String(tenant)]);
    const { rows } = await client.query<Record<string, unknown>>(text, values);
    return JSON.stringify(rows, (_name, value: unknown) =>
      typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
        ? Buffer.from(value.data as number[]).toString()
        : value,
    );
  } catch (error) {
    const { message, detail, hint, where } = error as Record<string, unknown>;
    return JSON.stringify({ message, detail, hint, where });
  } finally {
    await client.query('commit');
    client.release();
  }
}

interface Callable {
  readonly name: string;
  readonly args: readonly { readonly name: string; readonly type: string }[];
}

/** The functions the application role may call, as the catalog knows them. */
async function callables(): Promise<Callable[]> {
  const { rows } = await database.admin.query<Callable>(
    `select p.proname as name,
       (select coalesce(json_agg(json_build_object('name', p.proargnames[i], 'type', format_type(p.proargtypes[i - 1], null)) order by i), '[]')
        from generate_series(1, p.pronargs) i) as args
     from pg_proc p where p.pronamespace = 'holdfast'::regnamespace and has_function_privilege($1, p.oid, 'execute') order by 1`,
    [applicationRole],
  );
  return rows;
}

/**
 * Functions that see all tenants because that is what they are for, so that who may call them may know of all tenants. None gives
 * content.
 */
const acrossTenants: Readonly<Record<string, string>> = {
  claim_consumer: 'a consumer serves the logs of all tenants',
};

/** A value of a type that names things of the victim wherever a name can stand. */
function hostile(name: string, type: string): unknown {
  if (name === 'p_tenant') return numbers.acme;
  const one = type.replace('[]', '');
  const value = {
    integer: numbers.victim,
    bigint: 1,
    boolean: true,
    jsonb: '{}',
    json: '{}',
    bytea: Buffer.from('x'),
    text: /subject/.test(name) ? 'user:only' : (commands[0]?.id ?? ''),
  }[one];
  if (value === undefined) throw new Error(`Say what a hostile ${type} is.`);
  return type.endsWith('[]') ? [value] : value;
}

describe('every function that the application role may call', () => {
  test('gives nothing of another tenant and changes nothing of it, whatever names, positions and numbers it is called with', async () => {
    const before = await tenantContents(database.admin, numbers.victim);
    const all = await callables();
    expect(all.length).toBeGreaterThan(5);
    for (const { name, args } of all.filter((one) => !(one.name in acrossTenants))) {
      for (const tenant of [numbers.acme, ''] as const) {
        const call = `select * from holdfast.${name}(${args.map((arg, i) => `$${i + 1}::${arg.type}`).join(', ')})`;
        const given = await as(
          tenant,
          call,
          args.map((arg) => hostile(arg.name, arg.type)),
        );
        expect(given, `${name} as ${tenant}`).not.toContain(secret);
        expect(await tenantContents(database.admin, numbers.victim), name).toEqual(before);
      }
    }
  });

  test('works for the tenant it is given, so that what was refused above was not refused for everybody', async () => {
    const keys = `select * from holdfast.find_subject_keys($1, array['user:ana', 'user:alone'])`;
    expect(await as(numbers.acme, keys, [numbers.acme])).toMatch(/"subject":"user:ana".*own/);
    expect(await as(numbers.acme, keys, [numbers.acme])).not.toContain('alone');
    const read = `select * from holdfast.read_subject_keys(array['user:ana', 'user:alone'], array[1, 1])`;
    expect(JSON.parse(await as(numbers.acme, read))).toMatchObject([{ subject: 'user:ana', no: 1 }]);
    expect(await as('', read)).toBe('[]');
    const forgotten = `select holdfast.subjects_forgotten_at(array['user:bo']) as at`;
    expect(await as(numbers.acme, forgotten)).toBe('[{"at":7}]');
    expect(await as('', forgotten)).not.toContain('7');
    expect(await as(numbers.acme, `select holdfast.find_tenant('victim') as no`)).toBe(`[{"no":${numbers.victim}}]`);
  });
});

describe('a tenant that uses the names of another', () => {
  test('has commands, streams, views and versions of its own; errors tell only of its own', async () => {
    const before = await tenantContents(database.admin, numbers.victim);
    await database.admin.query(`insert into tenant (id) values ('fresh')`);
    const { rows } = await database.admin.query<{ no: number }>(`select no from tenant where id = 'fresh'`);
    await database.admin.query('insert into log_head (tenant) values ($1)', [rows[0]?.no]);
    const pool = openPool({ url: database.url, maxConnections: 2 });
    try {
      const store = createEventStore({ pool, schema: testSchema });
      for (const command of commands) {
        const receipt = await store.append('fresh', command);
        expect(receipt).toMatchObject({ replayed: false });
      }
      const [first] = commands;
      if (!first) throw new Error('The history has commands.');
      const stream = first.streams[0]?.name ?? '';
      const wrong = note('again', stream, 1_000) as unknown as Command<MemoryEvent>;
      const other = victims(commands.find((one) => JSON.stringify(victims(one)) !== JSON.stringify(one)) ?? first);
      const turn = commands.find(({ events }) => events.some(({ type }) => type === 'TurnRequested')) ?? first;
      const attempts = [
        store.append('fresh', wrong),
        store.append('fresh', other, { strict: true }),
        // The same turn once more under another id: a row of the view stands in its way, its own.
        store.append('fresh', { ...turn, id: 'twice' }),
      ];
      const errors = await Promise.all(attempts.map((attempt) => attempt.then(String, (error: unknown) => error)));
      expect(errors).toMatchObject([
        {
          code: 'EXPECTED_VERSION_CONFLICT',
          actual: (await Array.fromAsync(store.readStream('fresh', stream))).length,
        },
        { code: 'COMMAND_BODY_DIFFERS' },
        { code: 'INVALID_COMMAND' },
      ]);
      for (const error of errors) {
        expect(JSON.stringify(error, Object.getOwnPropertyNames(error)) + String((error as Error).cause)).not.toContain(
          secret,
        );
      }
    } finally {
      await pool.end();
    }
    expect(await tenantContents(database.admin, numbers.victim)).toEqual(before);
  });
});
