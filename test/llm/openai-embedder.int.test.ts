import { describe, expect, it, onTestFinished } from 'vitest';
import type { Misbehaviour, RecordedRequest } from '../../llm/demo-model/misbehaviour.ts';
import { type DemoModel, startDemoModel } from '../../llm/demo-model/server.ts';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { createOpenAiEmbedder } from '../../llm/openai-model.ts';
import type { Embedder } from '../../llm/ports.ts';

async function open(
  script?: (request: RecordedRequest, index: number) => Misbehaviour | undefined,
  dimensions?: number,
): Promise<{ demo: DemoModel; embedder: Embedder }> {
  const demo = await startDemoModel(script === undefined ? {} : { script });
  onTestFinished(() => demo.close());
  const options = { baseUrl: demo.url, apiKey: 'key', model: 'embed', timeoutMs: 2_000 };
  return { demo, embedder: createOpenAiEmbedder({ ...options, ...(dimensions !== undefined && { dimensions }) }) };
}

describe('createOpenAiEmbedder', () => {
  it('gives one unit vector per text, in order, in batches of at most 128', async () => {
    const { demo, embedder } = await open();
    const texts = Array.from({ length: 300 }, (_, at) => `text number ${String(at)}`);
    const vectors = await embedder.embed(texts);
    expect(vectors).toHaveLength(300);
    expect(demo.requests()).toBe(3);
    const [last] = await createHashEmbedder().embed(['text number 299']);
    vectors[299]?.forEach((value, at) => expect(value).toBeCloseTo(last?.[at] ?? 9, 5));
    expect(Math.hypot(...(vectors[7] ?? []))).toBeCloseTo(1, 5);
  });

  it('asks nothing for no texts, and embeds empty and broken texts', async () => {
    const { demo, embedder } = await open();
    expect(await embedder.embed([])).toEqual([]);
    expect(demo.requests()).toBe(0);
    expect(await embedder.embed(['', '\ud800', '\u0000'])).toHaveLength(3);
  });

  it('splits very long texts over batches', async () => {
    const { demo, embedder } = await open();
    await embedder.embed(['a'.repeat(150_000), 'b'.repeat(150_000), 'c']);
    expect(demo.requests()).toBe(2);
  });

  it('names its model with the dimensions asked for', async () => {
    const { demo, embedder } = await open(undefined, 64);
    expect(embedder.model).toBe('embed@64');
    expect((await embedder.embed(['x']))[0]).toHaveLength(64);
    expect(demo.recorded()[0]?.body).toMatchObject({ dimensions: 64 });
  });

  it('refuses another number of vectors than texts', async () => {
    const { embedder } = await open(() => ({ kind: 'missing-vector' }));
    await expect(embedder.embed(['one', 'two'])).rejects.toMatchObject({
      code: 'MODEL_BAD_REPLY',
      retryable: true,
      message: 'The embedder "embed" was expected to give 2 vectors, one per text, but gave 1.',
    });
  });

  it.each<readonly [Misbehaviour, string]>([
    [{ kind: 'status', status: 401 }, 'MODEL_AUTH'],
    [{ kind: 'status', status: 429, retryAfter: '1' }, 'MODEL_RATE_LIMITED'],
    [{ kind: 'status', status: 502 }, 'MODEL_UNAVAILABLE'],
    [{ kind: 'garbage' }, 'MODEL_BAD_REPLY'],
  ])('turns %o into %s', async (misbehaviour, code) => {
    const { embedder } = await open(() => misbehaviour);
    await expect(embedder.embed(['x'])).rejects.toMatchObject({ code });
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    const { embedder } = await open(() => {
      controller.abort();
      return { kind: 'hang' };
    });
    await expect(embedder.embed(['x'], { signal: controller.signal })).rejects.toMatchObject({ code: 'MODEL_ABORTED' });
  });
});
