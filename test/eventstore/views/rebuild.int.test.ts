import { expect, inject, test } from 'vitest';
import type { Command } from '../../../eventstore/index.ts';
import { createEventStore, createTenant, migrate, SchemaDriftError } from '../../../eventstore/index.ts';
import type { MemoryEvent } from '../../../memory/events.ts';
import { holdfastSchema, projections } from '../../../projections/index.ts';
import { history } from '../../projections/history.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';

const names = projections.flatMap(({ views }) => views.map(({ name }) => name));

/** All rows of all views of all tenants, as text, ordered. */
async function dump(database: FreshDatabase): Promise<Record<string, string[]>> {
  const dumped: Record<string, string[]> = {};
  for (const name of names) {
    const { rows } = await database.admin.query<{ row: string }>(
      `select to_jsonb(t)::text as row from "${name}" t order by tenant, from_pos, to_jsonb(t)::text collate "C"`,
    );
    dumped[name] = rows.map(({ row }) => row);
  }
  return dumped;
}

test('views rebuilt from the log equal those that appends folded, for every projection', async () => {
  await using database = await freshDatabase(inject('servers').templateDatabase);
  const store = createEventStore({ pool: database.pool, schema: holdfastSchema });
  await createTenant(database.url, 'acme');
  for (const [tenant, seed] of [
    ['default', 11],
    ['acme', 12],
  ] as const) {
    for (const command of history({ seed, turns: 110, mark: tenant })) await store.append(tenant, command);
    // More than a page of the rebuild, so that ranges are cut elsewhere than at commands.
    expect(await store.head(tenant)).toBeGreaterThan(500);
  }
  const inline = await dump(database);
  for (const name of names) expect(inline[name]?.length, name).toBeGreaterThan(1);

  const lines: string[] = [];
  const raised = projections.map((projection) => ({ ...projection, version: projection.version + 1 }));
  const report = await migrate({
    schema: { ...holdfastSchema, projections: raised },
    adminUrl: database.url,
    onProgress: (line) => lines.push(line),
  });
  expect([...report.views].sort()).toEqual([...names].sort());
  expect(lines.join('\n')).toMatch(
    /^building \d+ views: .*\n(?:folded .*\n)*folded ([\d,]+) of \1 events, [\d,]+ events\/s, 0 s left\nindexing/m,
  );
  expect(await dump(database)).toEqual(inline);

  // One projection alone: its views are refolded, the others are left as they are.
  const [first, ...rest] = raised;
  if (!first) throw new Error('There are projections.');
  const again = await migrate({
    schema: { ...holdfastSchema, projections: [{ ...first, version: first.version + 1 }, ...rest] },
    adminUrl: database.url,
  });
  expect(again.views).toEqual(first.views.map(({ name }) => name));
  expect(await dump(database)).toEqual(inline);

  // And the log goes on where it was, for those who fold as it is folded now.
  const command: Command<MemoryEvent> = {
    id: 'after',
    streams: [{ name: 'after', expectedVersion: 'none' }],
    events: [
      {
        type: 'TurnRequested',
        stream: 'after',
        data: {
          thread: 'acme-thread-0',
          branch: 'main',
          turn: 'after',
          agent: 'a',
          user: null,
          message: 'm',
          occurredAt: '2026-02-01T00:00:00.000Z',
        },
      },
    ],
  };
  await expect(store.append('acme', command)).rejects.toBeInstanceOf(SchemaDriftError);
  const schema = { ...holdfastSchema, projections: [{ ...first, version: first.version + 1 }, ...rest] };
  await createEventStore({ pool: database.pool, schema }).append('acme', command);
  expect((await dump(database))['turn']).toHaveLength((inline['turn']?.length ?? 0) + 1);
});
