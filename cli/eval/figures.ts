import {
  allAt,
  anyAt,
  auroc,
  ndcgAt,
  newestFirst,
  percentile,
  recallAt,
  recallWithin,
  reciprocalRank,
} from '../../memory/eval/metrics.ts';
import type { EvalResult } from './run-eval.ts';

/** Figures of a set of queries: averages in percent. */
export interface EvalFigures {
  readonly queries: number;
  readonly recallAt5: number;
  readonly recallAt10: number;
  readonly recallAt20: number;
  readonly recallAt50: number;
  readonly allAt10: number;
  readonly anyAt10: number;
  readonly ndcgAt10: number;
  readonly mrr: number;
  readonly recallWithin500: number;
  readonly recallWithin1000: number;
  readonly recallWithin2000: number;
}

/** What an evaluation says. */
export interface EvalReport extends EvalFigures {
  /** Chance that a query with an answer has a higher confidence than one without, 0 to 1; null where one kind is missing. */
  readonly abstentionAuroc: number | null;
  /** Share of update pairs of which the newer message stands first, in percent; null without such pairs. */
  readonly newestFirst: number | null;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly categories: Readonly<Record<string, EvalFigures>>;
}

/** Computes the figures; those of recall are over the queries that have an answer. */
export function evalReport(results: readonly EvalResult[]): EvalReport {
  const answerable = results.filter(({ query }) => query.gold.length > 0 && !query.abstain);
  const pairs = results.filter(({ query }) => (query.newer ?? []).length > 0 && (query.older ?? []).length > 0);
  const names = [...new Set(answerable.map(({ query }) => query.category ?? 'none'))].sort();
  const abstaining = results.filter(({ query }) => query.abstain).map(({ confidence }) => confidence);
  const answering = answerable.map(({ confidence }) => confidence);
  const area = auroc(answering, abstaining);
  return {
    ...figuresOf(answerable),
    abstentionAuroc: area === null ? null : Math.round(area * 1000) / 1000,
    newestFirst:
      pairs.length === 0
        ? null
        : percent(pairs, ({ ranked, query }) => newestFirst(ranked, query.newer ?? [], query.older ?? [])),
    p50Ms: round(
      percentile(
        results.map(({ ms }) => ms),
        0.5,
      ),
    ),
    p95Ms: round(
      percentile(
        results.map(({ ms }) => ms),
        0.95,
      ),
    ),
    categories: Object.fromEntries(
      names.map((name) => [name, figuresOf(answerable.filter(({ query }) => (query.category ?? 'none') === name))]),
    ),
  };
}

function figuresOf(results: readonly EvalResult[]): EvalFigures {
  const judged = (
    measure: (judged: { ranked: readonly string[]; gold: ReadonlySet<string> }, of: EvalResult) => number,
  ) => percent(results, (one) => measure({ ranked: one.ranked, gold: new Set(one.query.gold) }, one));
  return {
    queries: results.length,
    recallAt5: judged((one) => recallAt(one, 5)),
    recallAt10: judged((one) => recallAt(one, 10)),
    recallAt20: judged((one) => recallAt(one, 20)),
    recallAt50: judged((one) => recallAt(one, 50)),
    allAt10: judged((one) => allAt(one, 10)),
    anyAt10: judged((one) => anyAt(one, 10)),
    ndcgAt10: judged((one) => ndcgAt(one, 10)),
    mrr: judged((one) => reciprocalRank(one)),
    recallWithin500: judged((one, { tokens }) => recallWithin(one, tokens, 500)),
    recallWithin1000: judged((one, { tokens }) => recallWithin(one, tokens, 1_000)),
    recallWithin2000: judged((one, { tokens }) => recallWithin(one, tokens, 2_000)),
  };
}

function percent(results: readonly EvalResult[], measure: (result: EvalResult) => number): number {
  if (results.length === 0) return 0;
  return round((100 * results.reduce((sum, one) => sum + measure(one), 0)) / results.length);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
