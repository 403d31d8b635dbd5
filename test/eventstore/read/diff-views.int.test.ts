import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  close,
  createEventStore,
  createTenant,
  defineView,
  diffViews,
  ensure,
  InvalidReadError,
  logMigrations,
  migrate,
  replace,
  optional,
  required,
} from '../../../eventstore/index.ts';
import type { DiffRow, Moment, Operation, Projection, ViewChange } from '../../../eventstore/index.ts';
import { holdfastSchema, projections } from '../../../projections/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { history } from '../../projections/history.ts';
import { freshDatabase } from '../fresh-database.ts';

const database = withDatabase();
const views = projections.flatMap((projection) => projection.views);
let tenant = 0;
let head = 0;

beforeAll(async () => {
  for (const mark of ['a', 'b']) {
    for (const command of history({ seed: mark.charCodeAt(0), turns: 9, mark })) {
      await database.store.append('acme', command);
    }
  }
  // Another tenant with the same keys and other rows.
  for (const command of history({ seed: 5, turns: 9, mark: 'a' })) await database.store.append('default', command);
  tenant = await database.store.tenantNumber('acme');
  head = await database.store.head('acme');
});

async function diff(
  from: Moment,
  to?: Moment,
  options: { views?: readonly string[]; pageSize?: number } = {},
): Promise<ViewChange[]> {
  return Array.fromAsync(diffViews({ pool: database.pool, schema: holdfastSchema, tenant, from, to, ...options }));
}

/** The rows of every view that hold at a position: view and key → row. By SQL of its own, past row-level security. */
async function rowsAt(position: number): Promise<Map<string, DiffRow>> {
  const held = new Map<string, DiffRow>();
  for (const view of views) {
    // The admin pool gives bigint as text.
    const columns = Object.entries(view.columns).map(([name, { type }]) =>
      type === 'bigint' ? `"${name}"::float8` : `"${name}"`,
    );
    const { rows } = await database.admin.query<DiffRow>(
      `select ${columns.join(', ')} from "${view.name}" where tenant = ${tenant}
         and from_pos <= ${position} and (to_pos is null or to_pos > ${position})`,
    );
    for (const row of rows)
      held.set(keyOf(view.name, Object.fromEntries(view.key.map((name) => [name, row[name]]))), row);
  }
  return held;
}

function keyOf(view: string, key: DiffRow): string {
  return JSON.stringify([view, Object.values(key)]);
}

/** Rows with changes made to them; throws when a change does not fit. */
function applied(rows: ReadonlyMap<string, DiffRow>, changes: readonly ViewChange[]): Map<string, DiffRow> {
  const result = new Map(rows);
  for (const { view, key, change, before, after } of changes) {
    const id = keyOf(view, key);
    expect(result.get(id) ?? null, `${change} ${id}`).toEqual(before);
    expect(change).toBe(before === null ? 'gained' : after === null ? 'lost' : 'changed');
    if (after === null) result.delete(id);
    else result.set(id, after);
  }
  return result;
}

describe('the difference between two positions', () => {
  test('is exactly what makes the rows at one the rows at the other, for any two', async () => {
    const seen = { gained: 0, lost: 0, changed: 0 };
    const position = fc.integer({ min: 0, max: head + 3 });
    await fc.assert(
      fc.asyncProperty(position, position, fc.integer({ min: 1, max: 40 }), async (from, to, pageSize) => {
        const changes = await diff(from, to, { pageSize });
        expect(applied(await rowsAt(from), changes)).toEqual(await rowsAt(to));
        const ids = changes.map(({ view, key }) => keyOf(view, key));
        expect(new Set(ids).size).toBe(ids.length);
        for (const { change, before, after, position: at } of changes) {
          seen[change] += 1;
          expect(before).not.toEqual(after);
          expect(at).toBeGreaterThan(Math.min(from, to));
          expect(at).toBeLessThanOrEqual(Math.max(from, to));
        }
      }),
      { numRuns: 60 },
    );
    // The law says little when a kind of change never happens.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(2);
  });

  test('does not depend on the size of the pages, nor on the other tenant', async () => {
    const whole = await diff(0);
    expect(await diff(0, head, { pageSize: 1 })).toEqual(whole);
    expect(await diff(0, head, { pageSize: 7 })).toEqual(whole);
    expect(whole.length).toBeGreaterThan(100);
    expect(whole.every(({ change, before }) => change === 'gained' && before === null)).toBe(true);
    expect(new Set(whole.map(({ view }) => view))).toEqual(new Set(views.map(({ name }) => name)));
  });

  test('comes view by view in the order of the schema, within a view by position', async () => {
    const changes = await diff(3);
    const order = changes.map(
      ({ view, position }) => [views.findIndex(({ name }) => name === view), position] as const,
    );
    expect(order).toEqual(order.toSorted(([v, p], [w, q]) => v - w || p - q));
  });

  test('names for a change the event that made it', async () => {
    const [step] = await Array.fromAsync(
      diffViews({ pool: database.pool, schema: holdfastSchema, tenant, from: 0, views: ['turn_end'] }),
    );
    const [event] = await Array.fromAsync(
      database.store.readLog('acme', { after: (step?.position ?? 0) - 1, limit: 1 }),
    );
    expect(event?.type).toMatch(/^Turn(Completed|Failed|Aborted)$/);
    expect(event?.data).toMatchObject({ turn: step?.key['turn'] });
  });

  test('is empty for one and the same moment, and beyond the head', async () => {
    for (const at of [0, 1, head]) expect(await diff(at, at)).toEqual([]);
    expect(await diff(head)).toEqual([]);
    expect(await diff(head + 5, head + 9)).toEqual([]);
  });

  test('by times is that between the positions of the times', async () => {
    const [middle] = await Array.fromAsync(database.store.readLog('acme', { after: Math.floor(head / 2), limit: 1 }));
    const time = middle?.recordedAt ?? new Date(NaN);
    const position = await database.store.positionAt('acme', time);
    expect(await diff(time)).toEqual(await diff(position));
    expect(await diff(new Date(0), time)).toEqual(await diff(0, position));
  });

  test('is of the views that were asked for', async () => {
    const some = await diff(2, head, { views: ['block', 'fact'] });
    expect(some).toEqual((await diff(2, head)).filter(({ view }) => view === 'block' || view === 'fact'));
    const error: unknown = await diff(0, 1, { views: ['fact', 'facts'] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidReadError);
    expect(String(error)).toMatch(/The view is "facts"; expected one of .*fact, /);
  });

  test.each([
    [-1, 2],
    [0.5, 2],
    [new Date(NaN), 2],
    [0, -2],
  ])('refuses %s and %s', async (from, to) => {
    await expect(diff(from, to)).rejects.toThrow(InvalidReadError);
  });
});

describe('of views of any form', () => {
  type Op = 'ensure' | 'close' | 'replace';
  interface Done {
    readonly type: 'Done';
    readonly data: { readonly op: Op; readonly part: string; readonly no: number; readonly value: number | null };
  }
  const columns = { no: required('int'), part: required('text') };
  const pair = defineView({ name: 'diff_pair', key: ['no', 'part'], columns: { ...columns, value: optional('int') } });
  const mere = defineView({ name: 'diff_mere', key: ['part', 'no'], columns });
  const projection: Projection<Done> = {
    name: 'diff',
    version: 1,
    views: [pair, mere],
    project: ({ data: { op, part, no, value } }): Operation[] => {
      const key = { part, no };
      if (op === 'close') return [...close(pair, key), ...close(mere, key)];
      if (op === 'ensure') return [...ensure(pair, { ...key, value }), ...ensure(mere, key)];
      return [...replace(pair, { ...key, value }), ...replace(mere, key)];
    },
  };
  const schema = { migrationFolders: [logMigrations], projections: [projection] };

  test('a row that ended and came back as it was is no difference', async () => {
    await using own = await freshDatabase();
    await migrate({ schema, adminUrl: own.url });
    const store = createEventStore({ pool: own.pool, schema });
    const no = await createTenant(own.url, 'one');
    const does: (Done['data'] & { readonly then: string[] })[] = [
      { op: 'replace', part: 'x', no: 10, value: 1, then: ['+ x10 1'] },
      { op: 'replace', part: 'x', no: 2, value: null, then: ['+ x2 null'] },
      { op: 'replace', part: 'x', no: 10, value: 1, then: [] },
      { op: 'close', part: 'x', no: 10, value: null, then: ['- x10 1'] },
      { op: 'ensure', part: 'x', no: 10, value: 1, then: ['+ x10 1'] },
      { op: 'replace', part: 'x', no: 2, value: 3, then: ['~ x2 null 3'] },
      { op: 'replace', part: 'x', no: 2, value: null, then: ['~ x2 3 null'] },
      { op: 'close', part: 'y', no: 1, value: null, then: [] },
    ];
    for (const [index, data] of does.entries()) {
      await store.append('one', {
        id: String(index),
        streams: [{ name: 's', expectedVersion: 'any' }],
        events: [{ type: 'Done', stream: 's', data: { op: data.op, part: data.part, no: data.no, value: data.value } }],
      });
    }
    const told = async (from: number, to: number, view: string): Promise<string[]> => {
      const changes = await Array.fromAsync(
        diffViews({ pool: own.pool, schema, tenant: no, from, to, views: [view], pageSize: 1 }),
      );
      return changes.map(({ change, key, before, after }) => {
        const values = [before, after].flatMap((row) => (row && 'value' in row ? [String(row['value'])] : []));
        const sign = { gained: '+', lost: '-', changed: '~' }[change];
        return [sign, `${String(key['part'])}${String(key['no'])}`, ...values].join(' ');
      });
    };
    for (const [index, { then }] of does.entries()) {
      expect(await told(index, index + 1, 'diff_pair'), `event ${index + 1}`).toEqual(then);
      const withoutValues = then.filter((line) => !line.startsWith('~')).map((line) => line.split(' ', 2).join(' '));
      expect(await told(index, index + 1, 'diff_mere'), `event ${index + 1}`).toEqual(withoutValues);
    }
    expect(await told(0, 8, 'diff_pair')).toEqual(['+ x10 1', '+ x2 null']);
    expect(await told(1, 5, 'diff_pair')).toEqual(['+ x2 null']);
    expect(await told(2, 7, 'diff_pair')).toEqual([]);
    expect(await told(8, 0, 'diff_mere')).toEqual(['- x10', '- x2']);
  });
});
