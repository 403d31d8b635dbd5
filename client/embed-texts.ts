import type { Embedder } from '../llm/ports.ts';
import { readViews } from '../projections/read-views.ts';
import { textHash } from '../projections/search/projection.ts';
import { putVectors } from '../projections/search/queries.ts';
import type { ClientContext } from './send-turn.ts';

/**
 * Embeds texts before the events that hold them, so that they are found by meaning as soon as they exist. An embedder that fails costs the
 * vectors only: workers embed what has none, and until then it is found by its words.
 */
export async function embedTexts(
  { embedder, pool }: ClientContext & { readonly embedder: Embedder | undefined },
  {
    tenant,
    texts,
    subjects,
  }: { readonly tenant: number; readonly texts: readonly string[]; readonly subjects: readonly string[] },
): Promise<void> {
  if (!embedder || texts.length === 0) return;
  const readAt = await readViews(pool, tenant, ({ position }) => Promise.resolve(position));
  let vectors: Float32Array[];
  try {
    vectors = await embedder.embed([...texts]);
  } catch {
    return;
  }
  await putVectors(
    pool,
    tenant,
    embedder.model,
    texts.flatMap((text, index) => {
      const vector = vectors[index];
      return vector ? [{ textHash: textHash(text), vector }] : [];
    }),
    { subjects, readAt },
  );
}
