import { close, ensure, open, replace } from '../../eventstore/index.ts';
import type { Operation, Projection } from '../../eventstore/index.ts';
import type { MemoryEvent, ProcedureLearned, Source } from '../../memory/events.ts';
import type { ProcedureVersion } from '../../memory/procedure-events.ts';
import type { Scope } from '../../memory/scope.ts';
import { forkOf } from '../../memory/scope.ts';
import { scopeColumns } from '../scope-columns.ts';
import {
  procedureProofView,
  procedureRollbackView,
  procedureUseView,
  procedureView,
  toolOutcomeView,
} from './views.ts';

/** How-tos with versions, where they were used, and the outcomes of tool calls. */
export const proceduralProjection: Projection<MemoryEvent> = {
  name: 'procedural',
  version: 3,
  views: [procedureView, procedureProofView, procedureRollbackView, procedureUseView, toolOutcomeView],
  project({ type, data }) {
    switch (type) {
      case 'ProcedureLearned':
        return [
          ...replace(procedureView, versionRow(data, data)),
          ...(data.sources ?? []).flatMap((source) => proof(data, source)),
        ];
      case 'ProcedureConfirmed':
        return data.sources.flatMap((source) => proof(data, source));
      case 'ProcedureProofsWithdrawn':
        return data.turns.flatMap((turn) =>
          close(procedureProofView, { procedure: data.procedure, version: data.version, turn }),
        );
      case 'ProcedureRolledBack': {
        const { procedure, scope, from, restored, actor, reason } = data;
        const fork = scope.fork ?? '';
        return [
          ...(restored === null
            ? close(procedureView, { procedure, fork })
            : [
                ...replace(procedureView, versionRow(data, restored)),
                ...close(procedureRollbackView, { procedure, version: restored.version, fork }),
              ]),
          ...replace(procedureRollbackView, {
            ...{ procedure, version: from, fork, restored: restored?.version ?? 0, actor, reason },
          }),
        ];
      }
      case 'StepCompleted':
        return (data.retrieval?.items ?? []).flatMap(({ id, kind, label, version }) =>
          kind === 'procedure' && label !== null && version !== undefined
            ? open(procedureUseView, {
                ...{ turn: data.turn, step: data.step, procedure: id, version, fork: forkOf(data) ?? '' },
              })
            : [],
        );
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

function proof(
  { procedure, version }: { readonly procedure: string; readonly version: number },
  { turn, thread, branch, quote }: Source,
): Operation[] {
  return ensure(procedureProofView, { procedure, version, turn, thread, branch, quote });
}

function versionRow(
  { procedure, scope }: { readonly procedure: string; readonly scope: Scope },
  { version, goal, text, contentHash, trust, validFrom, source, steps }: ProcedureVersion | ProcedureLearned['data'],
) {
  return {
    procedure,
    version,
    ...scopeColumns(scope),
    goal,
    content: text,
    content_hash: contentHash,
    trust,
    valid_from: new Date(validFrom),
    turn: source.turn,
    thread: source.thread,
    branch: source.branch,
    quote: source.quote,
    steps: steps ?? null,
  };
}
