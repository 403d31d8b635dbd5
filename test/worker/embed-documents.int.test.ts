import { expect, test } from 'vitest';
import { listConsumers } from '../../eventstore/index.ts';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { ModelError } from '../../llm/model-error.ts';
import type { Embedder } from '../../llm/ports.ts';
import { holdfastSchema, projections } from '../../projections/index.ts';
import { documentEvents, documentsOf } from '../../projections/search/projection.ts';
import { embedDocuments } from '../../worker/embed-documents.ts';
import { history } from '../projections/history.ts';
import { collect } from '../eventstore/shapes.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const hash = createHashEmbedder();
const logged: string[] = [];

function start(embedder: Embedder): { stop(): Promise<void> } {
  return embedDocuments({
    pool: database.pool,
    schema: holdfastSchema,
    embedder,
    pollMs: 20,
    log: (_level, message) => logged.push(message),
  });
}

/** Documents of both tenants that have no vector of a model. */
async function without(model: string): Promise<number> {
  const { rows } = await database.admin.query<{ n: number }>(
    `select count(*)::int as n from memory_document d
     where not exists (select from embedding e where e.tenant = d.tenant and e.model = $1 and e.text_hash = d.text_hash)`,
    [model],
  );
  return rows[0]?.n ?? -1;
}

test('every document gets a vector, also after the embedder was away; another model begins at the beginning', async () => {
  for (const tenant of ['default', 'acme']) {
    for (const command of history({ seed: 9, turns: 15, mark: tenant })) await database.store.append(tenant, command);
  }
  const documents = await without(hash.model);
  expect(documents).toBeGreaterThan(20);
  let isAway = true;
  let texts = 0;
  const embedder: Embedder = {
    model: hash.model,
    embed: (wanted, options) => {
      if (isAway) throw new ModelError('MODEL_UNAVAILABLE', 'It is away.');
      texts += wanted.length;
      return hash.embed(wanted, options);
    },
  };
  const consumer = start(embedder);
  try {
    await until('it has tried', () => (logged.includes('a consumer has failed') ? true : undefined));
    expect(await without(hash.model)).toBe(documents);
    isAway = false;
    await until('all have a vector', async () => ((await without(hash.model)) === 0 ? true : undefined));
    const states = await listConsumers({ adminUrl: database.url });
    expect(states.map(({ consumer: name, tenant, parked }) => [name, tenant, parked])).toEqual([
      [`embeddings/${hash.model}`, 'acme', []],
      [`embeddings/${hash.model}`, 'default', []],
    ]);
    // What is there is not asked for again.
    const before = texts;
    for (const command of history({ seed: 9, turns: 2, mark: 'more' })) await database.store.append('acme', command);
    await until('the new ones too', async () => ((await without(hash.model)) === 0 ? true : undefined));
    expect(texts - before).toBeLessThan(documents / 2);
  } finally {
    await consumer.stop();
  }

  const other = start({ model: 'other', embed: (wanted, options) => hash.embed(wanted, options) });
  try {
    await until('all have a vector of the other model', async () =>
      (await without('other')) === 0 ? true : undefined,
    );
  } finally {
    await other.stop();
  }
});

test('the types it asks for are those that give documents', async () => {
  const events = await collect(database.store.readLog('default'));
  const types = new Set(events.filter((event) => documentsOf(event).length > 0).map(({ type }) => type));
  expect([...types].sort()).toEqual([...documentEvents].sort());
  const forgotten = events
    .filter(({ type }) => type === 'FactAsserted')
    .map((event) => ({ ...event, forgotten: true as const }));
  expect(forgotten.flatMap((event) => documentsOf(event))).toEqual([]);
  expect(projections.some(({ name }) => name === 'search')).toBe(true);
});
