import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dot } from '../../memory/rank.ts';
import { createOnnxEmbedder } from '../../llm/onnx-embedder.ts';

const path = join(import.meta.dirname, '..', '..', '..', 'shared', 'models', 'all-MiniLM-L6-v2');
const packageName = '@huggingface/transformers';
const isThere =
  existsSync(path) &&
  (await import(packageName).then(
    () => true,
    () => false,
  ));

describe.skipIf(!isThere)('the ONNX embedder', () => {
  test('gives unit vectors that know what texts mean, the same for a text whatever else is asked for', async () => {
    const embedder = await createOnnxEmbedder({ path });
    expect(embedder.model).toMatch(/^onnx-all-MiniLM-L6-v2-q8-256-[0-9a-f]{8}$/);
    const [dog, puppy, tax] = await embedder.embed(['A dog runs.', 'The puppy is running.', 'Taxes are due in May.']);
    const none = new Float32Array();
    expect(dot(dog ?? none, dog ?? none)).toBeCloseTo(1, 5);
    expect(dot(dog ?? none, puppy ?? none)).toBeGreaterThan(dot(dog ?? none, tax ?? none) + 0.2);
    const [alone] = await (await createOnnxEmbedder({ path })).embed(['A dog runs.']);
    expect(alone).toEqual(dog);
  });
});

test('says what is missing', async () => {
  await expect(createOnnxEmbedder({ path: '/nowhere/model' })).rejects.toMatchObject({ code: 'EMBEDDER_UNAVAILABLE' });
});
