import { open, replace } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import { procedureView, toolOutcomeView } from './views.ts';

/** How-tos with versions, and the outcomes of tool calls. */
export const proceduralProjection: Projection<MemoryEvent> = {
  name: 'procedural',
  version: 1,
  views: [procedureView, toolOutcomeView],
  project({ type, data }) {
    switch (type) {
      case 'ProcedureLearned':
        return replace(procedureView, {
          procedure: data.procedure,
          version: data.version,
          ...scopeColumns(data.scope),
          goal: data.goal,
          content: data.text,
          content_hash: data.contentHash,
          trust: data.trust,
          valid_from: new Date(data.validFrom),
          turn: data.source.turn,
          thread: data.source.thread,
          quote: data.source.quote,
        });
      case 'ToolCompleted':
        return open(toolOutcomeView, {
          turn: data.turn,
          step: data.step,
          ordinal: data.ordinal,
          thread: data.thread,
          branch: data.branch,
          tool: data.tool,
          outcome: data.outcome,
          arguments: data.arguments,
          result: data.result,
          duration_ms: data.durationMs,
        });
      default:
        return [];
    }
  },
};
