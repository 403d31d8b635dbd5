import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Embedder } from './ports.ts';

/** Options of {@link createOnnxEmbedder}. */
export interface OnnxEmbedderOptions {
  /** Folder of the model: tokenizer.json, config.json and onnx/model_quantized.onnx (or another `dtype`). */
  readonly path: string;
  /** Precision of the weights, as `@huggingface/transformers` names it. @default 'q8' */
  readonly dtype?: string;
  /** Tokens of a text that count. @default 256 */
  readonly maxTokens?: number;
  /** Texts whose vectors are kept in memory. @default 20000 */
  readonly cacheSize?: number;
}

/** What is used of `@huggingface/transformers`, which is an optional peer: it is loaded when an embedder is created, and only then. */
interface Transformers {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly AutoTokenizer: { from_pretrained(name: string): Promise<Tokenizer> };
  readonly AutoModel: { from_pretrained(name: string, options: object): Promise<Model> };
}
type Tokenizer = (text: string, options: object) => Promise<object>;
type Model = (input: object) => Promise<{
  readonly last_hidden_state: { readonly dims: readonly number[]; readonly data: Float32Array };
}>;

/**
 * Gives an embedder that runs a sentence model on this machine, without network: mean of the token vectors, unit length. One text at a time,
 * so that a vector does not depend on what else was asked for; equal texts are embedded once.
 * Throws HoldfastError EMBEDDER_UNAVAILABLE when the package or the model is not there.
 */
export async function createOnnxEmbedder({
  path,
  dtype = 'q8',
  maxTokens = 256,
  cacheSize = 20_000,
}: OnnxEmbedderOptions): Promise<Embedder> {
  const folder = resolve(path);
  const name = basename(folder);
  const { tokenizer, model } = await load(folder, dtype);
  const cache = new Map<string, Float32Array>();
  return {
    // The configuration tells models of one name apart.
    model: `onnx-${name}-${dtype}-${maxTokens}-${await digest(join(folder, 'config.json'))}`,
    async embed(texts, { signal } = {}) {
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        signal?.throwIfAborted();
        const key = createHash('sha256').update(text).digest('base64');
        const vector = cache.get(key) ?? (await embedOne(text));
        if (cache.size >= cacheSize) cache.clear();
        cache.set(key, vector);
        vectors.push(vector);
      }
      return vectors;
    },
  };

  async function embedOne(text: string): Promise<Float32Array> {
    // A token is a character at least: what is behind cannot count, and hostile input stays quick.
    const input = await tokenizer(text.slice(0, maxTokens * 40), { truncation: true, max_length: maxTokens });
    const { dims, data } = (await model(input)).last_hidden_state;
    const [, tokens = 0, size = 0] = dims;
    const sum = new Float32Array(size);
    for (let t = 0; t < tokens; t++) for (let d = 0; d < size; d++) sum[d] = (sum[d] ?? 0) + (data[t * size + d] ?? 0);
    const length = Math.hypot(...sum) || 1;
    return sum.map((value) => value / length);
  }
}

async function load(folder: string, dtype: string): Promise<{ tokenizer: Tokenizer; model: Model }> {
  // In a variable: the package need not be there to compile.
  const packageName = '@huggingface/transformers';
  try {
    const { env, AutoTokenizer, AutoModel } = (await import(packageName)) as Transformers;
    env.allowRemoteModels = false;
    env.localModelPath = `${dirname(folder)}/`;
    const name = basename(folder);
    return {
      tokenizer: await AutoTokenizer.from_pretrained(name),
      model: await AutoModel.from_pretrained(name, { dtype, device: 'cpu' }),
    };
  } catch (cause) {
    throw new HoldfastError('EMBEDDER_UNAVAILABLE', `The model in ${folder} cannot be run: ${String(cause)}`, {
      cause,
      hint: 'Install the optional package with `npm install @huggingface/transformers`, and name a folder with tokenizer.json and onnx/.',
    });
  }
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 8);
}
