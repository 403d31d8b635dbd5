import type pg from 'pg';
import type { ActivityDeps } from '../activities/deps.ts';
import type { ConsumerBatch, ConsumerWrites, LogSchema } from '../eventstore/index.ts';
import { runConsumer, withTenant } from '../eventstore/index.ts';
import type { Embedder } from '../llm/ports.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { documentEvents, documentsOf } from '../projections/search/projection.ts';
import { findVectors, writeVectors } from '../projections/search/queries.ts';

export interface EmbedOptions {
  readonly pool: pg.Pool;
  readonly schema: LogSchema<MemoryEvent>;
  readonly embedder: Embedder;
  readonly log: ActivityDeps['log'];
  /** Pause between looks; vectors are usually there already. @default 1000 */
  readonly pollMs?: number;
}

/**
 * Gives a vector to every document that has none: those written while the embedder was away, imported, or older than the embedder's
 * model. A consumer per model, so that a new model begins at the beginning; any number of workers share it.
 */
export function embedDocuments({ pool, schema, embedder, log, pollMs = 1_000 }: EmbedOptions): {
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  const ended = runConsumer({
    pool,
    schema,
    name: `embeddings/${embedder.model}`,
    types: documentEvents,
    handle: (batch) => embedBatch(pool, embedder, batch),
    batchSize: 64,
    concurrency: 2,
    pollMs,
    busyPollMs: Math.min(pollMs, 250),
    // A document without a vector is still found by its words: better one of them than all that follow.
    onParked: 'continue',
    signal: stopping.signal,
    log,
  });
  // Told when it stops: until then there is nobody to tell.
  ended.catch((error: unknown) => log('error', 'documents are not embedded', { error: String(error) }));
  return {
    stop: async () => {
      stopping.abort();
      await ended.catch(() => undefined);
    },
  };
}

async function embedBatch(
  pool: pg.Pool,
  embedder: Embedder,
  { tenantNumber, events, head, signal }: ConsumerBatch<MemoryEvent>,
): Promise<ConsumerWrites | undefined> {
  const { model } = embedder;
  const documents = events.flatMap((event) =>
    documentsOf(event).map((document) => ({ ...document, subjects: event.subjects })),
  );
  const known = await withTenant(pool, tenantNumber, (client) =>
    findVectors(
      client,
      tenantNumber,
      model,
      documents.map(({ textHash }) => textHash),
    ),
  );
  const missing = documents.filter(({ textHash }) => !known.has(textHash));
  if (missing.length === 0) return undefined;
  const vectors = await embedder.embed(
    missing.map(({ text }) => text),
    { signal },
  );
  return async (client) => {
    for (const [index, { textHash, subjects }] of missing.entries()) {
      const vector = vectors[index];
      if (!vector) throw new Error(`The embedder gave ${vectors.length} vectors for ${missing.length} texts.`);
      await writeVectors(client, tenantNumber, model, [{ textHash, vector }], { subjects, readAt: head });
    }
  };
}
