import type { Embedder } from './ports.ts';
import { STOP_WORDS, stem, wordsOf } from './words.ts';

/** Options of {@link createHashEmbedder}. */
export interface HashEmbedderOptions {
  /** Length of the vectors, 8 to 4096. @default 256 */
  readonly dimensions?: number;
}

/**
 * Gives an embedder that needs no network and no model: signed feature hashing of words, word pairs and letter triples.
 * Texts that share words, word forms or spellings score high; it knows no synonyms. The same text gives the same vector
 * on every machine. Only the first 65,536 characters of a text count, so that hostile input stays quick.
 */
export function createHashEmbedder({ dimensions = 256 }: HashEmbedderOptions = {}): Embedder {
  if (!Number.isInteger(dimensions) || dimensions < 8 || dimensions > 4096) {
    throw new RangeError(
      `Hash embedder dimensions must be a whole number from 8 to 4096, but ${String(dimensions)} was given.`,
    );
  }
  return {
    model: `hash-${String(dimensions)}-v1`,
    embed: (texts) => Promise.resolve(texts.map((text) => embedText(text, dimensions))),
  };
}

const MAX_CHARACTERS = 65_536;
const WEIGHTS = { word: 1, stopWord: 0.15, pair: 0.6, triple: 0.4 };
const SEEDS = { word: 0x811c9dc5, pair: 0x1b873593, triple: 0x9e3779b9, raw: 0x85ebca6b };
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

function embedText(text: string, dimensions: number): Float32Array {
  const head = text.slice(0, MAX_CHARACTERS);
  // Compatibility forms can expand a character eighteenfold: bound the words as well.
  const words = wordsOf(head).slice(0, MAX_CHARACTERS).flatMap(splitUnspaced);
  const vector = new Float64Array(dimensions);
  const stems = words.map(stem);
  const content = stems.filter((_, at) => !STOP_WORDS.has(words[at] ?? ''));

  addFeatures(
    vector,
    count(
      stems.filter((_, at) => STOP_WORDS.has(words[at] ?? '')),
      SEEDS.word,
    ),
    WEIGHTS.stopWord,
  );
  addFeatures(vector, count(content, SEEDS.word), WEIGHTS.word);
  addFeatures(vector, count(pairsOf(content), SEEDS.pair), WEIGHTS.pair);
  addFeatures(vector, count(triplesOf(words), SEEDS.triple), WEIGHTS.triple);
  // A text without words ("!?", "", emoji) still needs a direction of its own.
  if (words.length === 0) addFeatures(vector, count([head], SEEDS.raw), 1);
  return toUnitLength(vector);
}

// In scripts without spaces a run of letters is a sentence: its characters and character pairs stand in for words.
function splitUnspaced(word: string): string[] {
  if (!UNSPACED.test(word)) return [word];
  const letters = Array.from(word);
  return letters.flatMap((letter, at) => {
    const next = letters[at + 1];
    return next === undefined ? [letter] : [letter, letter + next];
  });
}

function* pairsOf(stems: readonly string[]): Generator<string> {
  for (let at = 1; at < stems.length; at += 1) yield `${stems[at - 1] ?? ''} ${stems[at] ?? ''}`;
}

function* triplesOf(words: readonly string[]): Generator<string> {
  for (const word of words) {
    if (STOP_WORDS.has(word)) continue;
    const padded = ` ${word} `;
    for (let at = 0; at + 3 <= padded.length; at += 1) yield padded.slice(at, at + 3);
  }
}

function count(features: Iterable<string>, seed: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const feature of features) {
    const hash = hash32(feature, seed);
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}

function addFeatures(vector: Float64Array, counts: ReadonlyMap<number, number>, weight: number): void {
  for (const [hash, times] of counts) {
    const at = (hash & 0x7fffffff) % vector.length;
    const sign = hash < 0 ? -1 : 1;
    vector[at] = (vector[at] ?? 0) + sign * weight * (1 + Math.log(times));
  }
}

function toUnitLength(vector: Float64Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (length < 1e-9) {
    const fallback = new Float32Array(vector.length);
    fallback[0] = 1;
    return fallback;
  }
  return Float32Array.from(vector, (value) => value / length);
}

/** FNV-1a over UTF-16 units with Murmur's finisher: FNV alone leaves the top bit, our sign, badly mixed. */
function hash32(text: string, seed: number): number {
  let hash = seed | 0;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
