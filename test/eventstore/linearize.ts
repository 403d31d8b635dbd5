import { isDeepStrictEqual } from 'node:util';
import type { ModelLog } from './model-log.ts';

/** Something a client asked of the log, and what it was told. */
export interface Observation {
  /** For people. */
  readonly name: string;
  /** When it was asked and answered, by one clock for all clients. */
  readonly invoked: number;
  readonly returned: number;
  /** What the log answers in this state, moving it on. */
  apply(model: ModelLog): unknown;
  readonly answer: unknown;
}

/**
 * Looks for an order in which a log that does one thing at a time would have given every one of these answers, and in which nothing comes
 * before what had been answered when it was asked. Gives them in that order, or null when there is none.
 */
export function findOrder(observations: readonly Observation[], model: ModelLog): Observation[] | null {
  // The state follows from which observations are done: those that changed it stand in the order of their positions.
  const hopeless = new Set<string>();

  function search(rest: readonly Observation[], state: ModelLog): Observation[] | null {
    if (rest.length === 0) return [];
    const key = rest.map((one) => observations.indexOf(one)).join();
    if (hopeless.has(key)) return null;
    const firstReturn = Math.min(...rest.map(({ returned }) => returned));
    for (const next of rest.filter(({ invoked }) => invoked < firstReturn)) {
      const moved = state.clone();
      if (!isDeepStrictEqual(next.apply(moved), next.answer)) continue;
      const order = search(
        rest.filter((one) => one !== next),
        moved,
      );
      if (order) return [next, ...order];
    }
    hopeless.add(key);
    return null;
  }

  return search(observations, model);
}
