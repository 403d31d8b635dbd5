import type { ActivityDeps } from './deps.ts';

/** The query's vector. What the embedder cannot do is said, and search goes on by words. */
export async function embedQuery(
  deps: ActivityDeps,
  query: string,
  signal: AbortSignal,
): Promise<{ readonly vector: Float32Array | null; readonly degraded: readonly string[] }> {
  try {
    const [vector] = await deps.embedder.embed([query], { signal });
    return { vector: vector ?? null, degraded: [] };
  } catch (error) {
    if (signal.aborted) throw error;
    deps.log('warn', 'the query was not embedded', { error: String(error) });
    return { vector: null, degraded: [`the embedder ${deps.embedder.model} failed`] };
  }
}
