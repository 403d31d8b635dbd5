import { readViews } from '../projections/read-views.ts';
import { retrieve } from '../projections/search/retrieve.ts';
import type { ActivityDeps } from './deps.ts';
import { embedQuery } from './embed-query.ts';
import type { StepContext } from './load-context.ts';
import type { MemoryCall } from './memory-tools.ts';
import type { InlineResult } from './sort-calls.ts';

/** Most tokens of the memories that one search gives. */
const searchTokens = 4_000;

/**
 * Answers calls of `memory_search`: by the same recall as a prompt's, as of the step's position, so that the turn sees one state of its memory.
 * The results are recorded with the step and never searched for again.
 */
export async function answerSearches(
  deps: ActivityDeps,
  tenant: number,
  {
    calls,
    context,
    step,
    signal,
  }: {
    readonly calls: readonly MemoryCall[];
    readonly context: StepContext;
    readonly step: number;
    readonly signal: AbortSignal;
  },
): Promise<InlineResult[]> {
  const answers: InlineResult[] = [];
  let found = 0;
  for (const { request, ...call } of calls) {
    if (request.tool !== 'memory_search') continue;
    // Before the snapshot: whoever holds a connection does not wait for an embedder.
    const query = await embedQuery(deps, request.query, signal);
    const { items, degraded } = await readViews(
      deps.pool,
      tenant,
      (reader) =>
        retrieve(
          reader,
          {
            scope: context.scope,
            query: request.query,
            vector: query.vector ? { model: deps.embedder.model, values: query.vector } : null,
            now: context.turn.occurredAt,
            limit: request.limit,
            budgetTokens: searchTokens,
            excludeTurns: context.excludeTurns,
          },
          deps.recall,
        ),
      { at: context.basePosition },
    );
    const memories = items
      .filter(({ label }) => label !== null)
      .map(({ id, kind, text, trust, saidAt, thread, turn }) => ({
        // Unique in the turn: a later step may name what an earlier one found.
        alias: `s${step}-${(found += 1)}`,
        ...{ id, kind, text, trust, since: saidAt.toISOString(), source: { thread, turn } },
      }));
    const notes = [...new Set([...query.degraded, ...degraded])];
    answers.push({
      ...call,
      outcome: 'ok',
      code: null,
      result: JSON.stringify({ memories, ...(notes.length > 0 ? { notes } : {}) }),
    });
  }
  return answers;
}
