import { close, ensure, open, replace } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import {
  consolidationUndoView,
  consolidationView,
  observationEvidenceView,
  sessionView,
  undoneItemView,
} from './views.ts';

/** What the care of memory did, what its observations rest on, and sessions in short. Facts themselves are the semantic projection's. */
export const careProjection: Projection<MemoryEvent> = {
  name: 'care',
  version: 2,
  views: [consolidationView, consolidationUndoView, undoneItemView, observationEvidenceView, sessionView],
  project({ type, data }) {
    switch (type) {
      case 'ConsolidationCompleted': {
        const { fork: _fork, ...scope } = scopeColumns(data.scope);
        const { run, outcome, reason, counts, facts, problems } = data;
        return open(consolidationView, { run, ...scope, outcome, reason, counts, facts, problems });
      }
      case 'ConsolidationUndone': {
        const { fork: _fork, ...scope } = scopeColumns(data.scope);
        const { run, actor, restored, withdrawn, left, items } = data;
        return [
          ...open(consolidationUndoView, { run, actor, restored, withdrawn, remaining: left }),
          ...items.flatMap((item) => ensure(undoneItemView, { item, ...scope })),
        ];
      }
      case 'ObservationDerived':
        return data.evidence.flatMap((fact) => open(observationEvidenceView, { observation: data.observation, fact }));
      case 'SessionSummarised': {
        const { fork: _fork, ...scope } = scopeColumns(data.scope);
        return replace(sessionView, {
          thread: data.thread,
          branch: data.branch,
          ...scope,
          title: data.title,
          summary: data.summary,
          rounds: data.rounds,
          up_to: data.upTo,
          began_at: new Date(data.beganAt),
          ended_at: new Date(data.endedAt),
          by: data.by,
          trust: data.trust ?? null,
          run: data.run,
        });
      }
      case 'SessionSummaryWithdrawn':
        return close(sessionView, { thread: data.thread, branch: data.branch });
      default:
        return [];
    }
  },
};
