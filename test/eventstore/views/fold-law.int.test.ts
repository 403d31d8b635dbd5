import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  close,
  createTenant,
  defineView,
  ensure,
  logMigrations,
  migrate,
  replace,
  required,
} from '../../../eventstore/index.ts';
import type { Operation, Projection } from '../../../eventstore/index.ts';
import { createEventStore } from '../../../eventstore/index.ts';
import { compileOperations } from '../../../eventstore/views/view.ts';
import { freshDatabase } from '../fresh-database.ts';
import type { FreshDatabase } from '../fresh-database.ts';

type Op = 'ensure' | 'close' | 'replace';
/** An event that does one thing to one key of each of some views. */
interface Changed {
  readonly type: 'Changed';
  readonly data: {
    readonly n: number;
    readonly changes: readonly { readonly view: 0 | 1; readonly key: string; readonly op: Op }[];
  };
}

const views = (['fold_a', 'fold_b'] as const).map((name) =>
  defineView({
    name,
    key: ['part', 'no'],
    columns: { part: required('text'), no: required('int'), n: required('int') },
  }),
);

const projection: Projection<Changed> = {
  name: 'fold',
  version: 1,
  views,
  project: ({ data }) =>
    data.changes.flatMap(({ view, key, op }): Operation[] => {
      const table = views[view];
      if (!table) return [];
      const id = { part: key, no: key.length };
      if (op === 'close') return close(table, id);
      return op === 'ensure' ? ensure(table, { ...id, n: data.n }) : replace(table, { ...id, n: data.n });
    }),
};
const schema = { migrationFolders: [logMigrations], projections: [projection] };

const change = fc.record({
  view: fc.constantFrom(0 as const, 1 as const),
  key: fc.constantFrom('x', 'y', 'zz'),
  op: fc.constantFrom<Op>('ensure', 'close', 'replace'),
});
const history = fc.array(fc.uniqueArray(change, { maxLength: 3, selector: ({ view, key }) => `${view}${key}` }), {
  minLength: 1,
  maxLength: 14,
});

/** Rows of both views of one tenant, without the tenant. */
async function rowsOf(database: FreshDatabase, tenant: number): Promise<unknown[]> {
  const { rows } = await database.admin.query<Record<string, unknown>>(
    `select 'a' as view, from_pos, to_pos, part, no, n from fold_a where tenant = $1
     union all select 'b', from_pos, to_pos, part, no, n from fold_b where tenant = $1 order by 1, 2, 4, 5`,
    [tenant],
  );
  return rows;
}

/** Folds events in ranges that end after the given lengths, as tenant `tenant` of tables without a log. */
async function fold(database: FreshDatabase, tenant: number, events: readonly Changed[], lengths: readonly number[]) {
  let from = 0;
  for (const length of [...lengths, events.length]) {
    const range = events.slice(from, from + length);
    if (range.length === 0) continue;
    const { operations } = compileOperations(
      range.map((event) =>
        projection.project({
          ...event,
          position: 0,
          stream: '',
          version: 0,
          schemaVersion: 1,
          subjects: [],
          recordedAt: new Date(0),
        }),
      ),
    );
    await database.admin.query('select holdfast.apply_views($1, $2, $3)', [
      tenant,
      [from + 1],
      JSON.stringify(operations),
    ]);
    from += length;
  }
}

function toEvents(changes: readonly Changed['data']['changes'][]): Changed[] {
  return changes.map((own, n) => ({ type: 'Changed', data: { n, changes: own } }));
}

describe('the fold law', () => {
  test('however a log is cut into ranges, the rows are the same', async () => {
    await using database = await freshDatabase();
    await migrate({ schema, adminUrl: database.url });
    let tenant = 0;
    await fc.assert(
      fc.asyncProperty(
        history,
        fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }),
        async (changes, lengths) => {
          const events = toEvents(changes);
          const [single, whole, cut] = [++tenant, ++tenant, ++tenant];
          await fold(
            database,
            single,
            events,
            events.map(() => 1),
          );
          await fold(database, whole, events, []);
          await fold(database, cut, events, lengths);
          const expected = await rowsOf(database, single);
          expect(await rowsOf(database, whole)).toEqual(expected);
          expect(await rowsOf(database, cut)).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('views folded inside appends equal views rebuilt from the log', async () => {
    await using database = await freshDatabase();
    await migrate({ schema, adminUrl: database.url });
    const store = createEventStore({ pool: database.pool, schema });
    const tenants: number[] = [];
    for (const [index, changes] of fc.sample(history, { numRuns: 12, seed: 7 }).entries()) {
      const name = `fold-${index}`;
      tenants.push(await createTenant(database.url, name));
      const events = toEvents(changes).map((event) => ({ ...event, stream: 's' }));
      // Commands of one, two, three … events.
      for (let from = 0, length = 1; from < events.length; from += length, length += 1) {
        await store.append(name, {
          id: `c${from}`,
          streams: [{ name: 's', expectedVersion: 'any' }],
          events: events.slice(from, from + length),
        });
      }
    }
    const inline = await Promise.all(tenants.map((tenant) => rowsOf(database, tenant)));
    expect(inline.flat().length).toBeGreaterThan(20);
    const raised = { ...schema, projections: [{ ...projection, version: 2 }] };
    expect((await migrate({ schema: raised, adminUrl: database.url })).views).toEqual(['fold_a', 'fold_b']);
    expect(await Promise.all(tenants.map((tenant) => rowsOf(database, tenant)))).toEqual(inline);
  });
});
