import { beforeAll, describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../eventstore/index.ts';
import { currentVersion } from '../../eventstore/read/upcast.ts';
import { compileOperations } from '../../eventstore/views/view.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { holdfastSchema, projections } from '../../projections/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { examples } from './examples.ts';
import { comparePaths, readGoldenFiles } from './golden-files.ts';
import { memoryEventShapes } from './shape-of.ts';

const database = withDatabase();
const golden = readGoldenFiles();
const shapes = memoryEventShapes();
const types = [...shapes.keys()].sort();
const current = golden.filter(({ type, version }) => version === currentVersion(holdfastSchema, type));
/** What the log gives for each golden file, in their order. */
const read: StoredEvent<MemoryEvent>[] = [];

beforeAll(async () => {
  // As they would lie in the log of an old database: by SQL, past the append, which writes current versions only.
  const { rows } = await database.admin.query<{ no: number }>(`select no from tenant where id = 'acme'`);
  const tenant = rows[0]?.no;
  await database.admin.query(`insert into stream (tenant, no, name, version) values ($1, 1, 'golden', $2)`, [
    tenant,
    golden.length,
  ]);
  for (const [index, { type, version, data }] of golden.entries()) {
    await database.admin.query(
      `insert into event (tenant, position, stream, version, type, schema_version, recorded_at, data)
       values ($1, $2, 1, $2, $3, $4, now(), $5)`,
      [tenant, index + 1, type, version, JSON.stringify(data)],
    );
  }
  await database.admin.query('update log_head set position = $2, streams = 1 where tenant = $1', [
    tenant,
    golden.length,
  ]);
  for await (const event of database.store.readLog('acme')) read.push(event);
});

describe('golden events', () => {
  test('are there for every type of event and every version of it, and for nothing else', () => {
    const wanted = types.flatMap((type) =>
      Array.from({ length: currentVersion(holdfastSchema, type) }, (_, index) => `${type}.v${index + 1}`),
    );
    expect(
      golden.map(({ type, version }) => `${type}.v${version}`).sort(),
      'write what is missing with `node test/golden/write-golden-files.ts && npm run format`',
    ).toEqual(wanted.sort());
    expect(Object.keys(examples).sort()).toEqual(types);
    expect(types.length).toBeGreaterThanOrEqual(21);
  });

  test.each(types)('%s has the shape of its current version', (type) => {
    // Events of this shape are stored everywhere: what changed since needs a version of its own, with an upcaster from this one in
    // `holdfastSchema.upcasters`. Then write its golden file. Golden files of released versions are never edited.
    expect(shapes.get(type)).toEqual(current.find((file) => file.type === type)?.shape);
  });

  test.each(golden)('$type v$version is read as the example of its type', ({ type, version }) => {
    const event = read[golden.findIndex((file) => file.type === type && file.version === version)];
    expect(event).toMatchObject({ type, schemaVersion: version });
    expect(event?.data).toEqual(examples[type]);
  });

  test.each(golden)('$type v$version holds every field of its shape, and no other', ({ shape, data }) => {
    expect(comparePaths(shape, data)).toEqual({ unused: [], unknown: [] });
  });

  test('of every version can be folded, and feed every view between them', () => {
    const fed = read.flatMap((event) => {
      const { operations } = compileOperations([projections.flatMap((projection) => projection.project(event))]);
      return Object.keys(operations);
    });
    const views = projections.flatMap((projection) => projection.views.map(({ name }) => name));
    expect([...new Set(fed)].sort()).toEqual(views.sort());
  });
});
