import type { EvalResult } from '../../cli/eval/run-eval.ts';
import type { EvalReport } from '../../cli/eval/figures.ts';
import { evalReport } from '../../cli/eval/figures.ts';
import type { Candidate } from '../../memory/rank.ts';
import { asksForState, order } from '../../memory/recall/order.ts';
import type { Asked } from './read-sets.ts';

/** A question's results by one set of weights, best first. */
export interface Ranked {
  readonly asked: Asked;
  readonly result: EvalResult;
}

/** Orders what was found as retrieval does. */
export function rankAsked(asked: Asked, relevances: Float64Array, confidence: number): Ranked {
  const places = new Map<string, number>();
  const candidates = asked.found.candidates.map(({ entry, features, vector }, row): Candidate => {
    places.set(entry.id, row);
    return {
      id: entry.id,
      kind: entry.kind,
      text: '',
      contentHash: entry.textHash,
      at: entry.at,
      trust: entry.kind === 'reply' ? 'model_inference' : 'direct_user',
      proofs: 1,
      scores: { words: features.words },
      relevance: relevances[row] ?? 0,
      vector,
      speaker: entry.speaker,
      held: features.held,
      isUpdate: entry.marks.isUpdate,
    };
  });
  const ranked = order(candidates, { now: asked.now, limit: 300, asksState: asksForState(asked.query.text) });
  const { query } = asked;
  return {
    asked,
    result: {
      conversation: query.conversation,
      query,
      ranked: ranked.map(({ id }) => id),
      tokens: ranked.map(({ id }) => asked.tokens[places.get(id) ?? 0] ?? 1),
      confidence,
      ms: 0,
    },
  };
}

/** Figures per data set, a line each. */
export function tell(ranked: readonly Ranked[]): string {
  const sets = [...new Set(ranked.map(({ asked }) => asked.set))];
  return sets
    .map((set) => {
      const own = ranked.filter(({ asked }) => asked.set === set).map(({ result }) => result);
      const report = evalReport(own);
      const categories = Object.entries(report.categories).map(
        ([name, { recallAt10, allAt10 }]) => `${name} ${recallAt10}/${allAt10}`,
      );
      return [line(set, report), `    R@10/all@10: ${categories.join(', ')}`].join('\n');
    })
    .join('\n');
}

function line(set: string, report: EvalReport): string {
  const { recallAt5, recallAt10, recallAt20, recallAt50, allAt10, anyAt10, ndcgAt10, mrr } = report;
  return [
    `${set} (${report.queries})`,
    `R@5/10/20/50 ${recallAt5}/${recallAt10}/${recallAt20}/${recallAt50}`,
    `all@10 ${allAt10} any@10 ${anyAt10} nDCG ${ndcgAt10} MRR ${mrr}`,
    `within 500/1000 ${report.recallWithin500}/${report.recallWithin1000}`,
    `AUROC ${report.abstentionAuroc ?? '-'} newest-first ${report.newestFirst ?? '-'}`,
  ].join('  ');
}
