import type { FactAsserted, MemoryEvent, Source } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';

interface Remembered {
  readonly fact: string;
  readonly scope: Scope;
}

interface CareHistory {
  readonly mark: string;
  readonly facts: readonly [Remembered, Remembered, Remembered];
  readonly now: () => string;
  readonly assertion: (fact: string, scope: Scope, source: Source) => FactAsserted;
  readonly commit: (id: string, ...events: readonly MemoryEvent[]) => void;
}

/** Runs of consolidation: one that stands, one that was undone. */
export function careOf({ mark, facts: [first, second, third], now, assertion, commit }: CareHistory): void {
  const ref = { thread: `${mark}-thread-0`, branch: 'main', turn: `${mark}-0` };
  const source: Source = { ...ref, quote: `words of ${mark}` };
  const counts = { merged: 1, observed: 1, unproven: 0, expired: 0, summarised: 1 };
  for (const run of [`${mark}-stands`, `${mark}-undone`]) {
    const { fact, scope } = run.endsWith('stands') ? first : second;
    const summarised = { ...ref, scope, run, rounds: 2, upTo: 1, beganAt: now(), endedAt: now(), by: 'extract' };
    commit(
      `${run}/merge`,
      {
        type: 'FactRetired',
        data: { fact, scope, run, why: 'merged', into: third.fact, validTo: now(), sources: [source] },
      },
      {
        type: 'ObservationDerived',
        data: {
          ...{
            observation: `${run}-observation`,
            scope,
            run,
            text: `All of ${mark} are tea.`,
            contentHash: `hash-${run}`,
          },
          ...{
            evidence: [third.fact, `${fact}-other`],
            sources: [source],
            trust: 'model_inference',
            confidence: 0.6,
          },
          ...{ validFrom: now(), by: 'demo' },
        },
      },
      { type: 'SessionSummarised', data: { ...summarised, title: `Title of ${mark}`, summary: `Tea of ${mark}.` } },
    );
    commit(`${run}/end`, {
      type: 'ConsolidationCompleted',
      data: { run, scope, outcome: 'done', reason: null, counts, facts: 9, problems: [] },
    });
    if (run.endsWith('stands')) continue;
    const { source: _source, ...was } = assertion(fact, scope, source).data;
    commit(
      `${run}/undo`,
      {
        type: 'FactRestored',
        data: {
          ...was,
          ...{ run, expiresAt: null, thread: ref.thread, turn: ref.turn },
          from: { into: third.fact, turns: [ref.turn] },
        },
      },
      {
        type: 'FactRetired',
        data: {
          ...{ fact: `${run}-observation`, scope, run, why: 'undone', into: null, validTo: now(), sources: [] },
        },
      },
      { type: 'SessionSummaryWithdrawn', data: { thread: ref.thread, branch: 'main', scope, run } },
      {
        type: 'SessionSummarised',
        data: { ...summarised, run: `${mark}-again`, title: `Title of ${mark}`, summary: 'Tea.' },
      },
      {
        type: 'ConsolidationUndone',
        data: {
          ...{ run, scope, actor: 'user:ana', restored: [fact], withdrawn: [`${run}-observation`] },
          ...{ left: [{ id: fact, why: 'nothing' }], items: [`merge/${third.fact}/${fact}`] },
        },
      },
    );
  }
}
