import { parseArgs } from 'node:util';
import { createOnnxEmbedder } from '../llm/onnx-embedder.ts';
import { confidenceInputs, confidenceNames } from '../memory/recall/confidence.ts';
import { featureNames } from '../memory/recall/features.ts';
import { rankAsked, tell } from './recall-fit/report.ts';
import type { Asked } from './recall-fit/read-sets.ts';
import { askAll, embedAll, folds, readSets } from './recall-fit/read-sets.ts';
import type { Example } from './recall-fit/softmax.ts';
import { fitLogistic, fitSoftmax, scoresOf } from './recall-fit/softmax.ts';

/**
 * Fits the weights of recall to conversations with known answers (docs/recall.md has their format) and says how well they do: every
 * question is ranked by weights that were fitted on the other conversations. Prints the weights of memory/recall/weights.ts, fitted
 * on all of them.
 *
 *     npm run fit:recall -- --data <folder> --vectors vectors.jsonl --embedder onnx:<folder of a model> --weight locomo=2
 *
 * `--vectors` names a file that keeps what was embedded; without it, words only. `--weight` says how much a data set counts.
 */
const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    vectors: { type: 'string' },
    embedder: { type: 'string' },
    weight: { type: 'string', multiple: true, default: [] },
    drop: { type: 'string', default: '' },
  },
});
if (options.data === undefined) throw new Error('Name the folder of the data sets with --data.');
const weights = new Map(options.weight.map((one) => [one.split('=')[0] ?? '', Number(one.split('=')[1])]));
// The conversations have no facts: how what is linked counts cannot be fitted on them.
const dropped = new Set(['linked', ...options.drop.split(',')]);
const vectorFeatures = /cosine|nearness/i;

const sets = await readSets(options.data);
const embedder = options.embedder?.startsWith('onnx:')
  ? await createOnnxEmbedder({ path: options.embedder.slice(5) })
  : null;
const vectors = options.vectors === undefined ? null : await embedAll(sets, { embedder, file: options.vectors });
for (const channels of vectors ? (['words', 'both'] as const) : (['words'] as const)) {
  const names = featureNames.filter(
    (name) => !dropped.has(name) && (channels === 'both' || !vectorFeatures.test(name)),
  );
  console.log(`\n${channels}`);
  fit(askAll(sets, channels === 'both' ? vectors : null), names);
}

function fit(asked: readonly Asked[], names: readonly (typeof featureNames)[number][]): void {
  const rows = new Map(
    asked.map((one) => [
      one,
      Float32Array.from(one.found.candidates.flatMap(({ features }) => names.map((name) => features[name]))),
    ]),
  );
  const examples = (of: readonly Asked[]): Example[] => {
    const usable = of.filter(
      ({ query, found }) => !query.abstain && found.candidates.some(({ entry }) => query.gold.includes(entry.id)),
    );
    return usable.map((one) => ({
      rows: rows.get(one) ?? new Float32Array(),
      size: one.found.candidates.length,
      isGold: Uint8Array.from(one.found.candidates, ({ entry }) => (one.query.gold.includes(entry.id) ? 1 : 0)),
      weight: (weights.get(one.set) ?? 1) / usable.filter(({ set }) => set === one.set).length,
    }));
  };
  const weigh = (one: Asked, by: Float64Array): Float64Array =>
    scoresOf(rows.get(one) ?? new Float32Array(), one.found.candidates.length, by);
  const inputs = (one: Asked, scores: Float64Array): number[] => {
    const ranked = one.found.candidates
      .map(({ features }, row) => ({ features, relevance: scores[row] ?? 0 }))
      .sort((a, b) => b.relevance - a.relevance);
    const known = confidenceInputs(ranked, one.found.strength);
    return confidenceNames.map((name) => known[name]);
  };
  const judged = (of: readonly { asked: Asked; values: readonly number[] }[]) =>
    of
      .filter(({ asked: { query } }) => query.abstain || query.gold.length > 0)
      .map(({ asked: one, values }, _, all) => {
        // Both kinds of each set count alike, and each set that has both.
        const same = all.filter(({ asked: other }) => other.set === one.set);
        const kind = same.filter(({ asked: other }) => other.query.abstain === one.query.abstain).length;
        const isUsable = same.some(({ asked: other }) => other.query.abstain !== one.query.abstain);
        return { values, is: !one.query.abstain, weight: isUsable ? 100 / kind : 0 };
      });

  const scored = Array.from({ length: folds }, (_, fold) => {
    const by = fitSoftmax(examples(asked.filter((one) => one.fold !== fold)), { features: names.length });
    return asked
      .filter((one) => one.fold === fold)
      .map((one) => {
        const scores = weigh(one, by);
        return { asked: one, scores, values: inputs(one, scores) };
      });
  }).flat();
  const ranked = Array.from({ length: folds }, (_, fold) => {
    const by = fitLogistic(judged(scored.filter((one) => one.asked.fold !== fold)));
    return scored
      .filter((one) => one.asked.fold === fold)
      .map((one) => rankAsked(one.asked, one.scores, logistic(one.values, by)));
  }).flat();
  console.log(tell(ranked));
  const all = fitSoftmax(examples(asked), { features: names.length });
  console.log(names.map((name, f) => `${name}: ${(all[f] ?? 0).toFixed(2)}`).join(', '));
  const sure = fitLogistic(judged(asked.map((one) => ({ asked: one, values: inputs(one, weigh(one, all)) }))));
  console.log([...confidenceNames, 'constant'].map((name, f) => `${name}: ${(sure[f] ?? 0).toFixed(2)}`).join(', '));
}

function logistic(values: readonly number[], by: readonly number[]): number {
  return 1 / (1 + Math.exp(-[...values, 1].reduce((sum, value, f) => sum + value * (by[f] ?? 0), 0)));
}
