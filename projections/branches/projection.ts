import { ensure, open } from '../../eventstore/index.ts';
import type { Operation, Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { forkOf } from '../../memory/scope.ts';
import { blockItem } from '../scope-columns.ts';
import { forkEndView, forkView } from './views.ts';

/** Forks, and what each of them no longer takes over from where it came from. */
export const branchesProjection: Projection<MemoryEvent> = {
  name: 'branches',
  version: 2,
  views: [forkView, forkEndView],
  project({ type, data }) {
    switch (type) {
      case 'BranchForked': {
        const { thread, branch, parent, changes } = data;
        const fork = forkOf(data) ?? '';
        return [
          ...open(forkView, {
            fork,
            thread,
            branch,
            parent,
            parent_fork: forkOf({ thread, branch: parent }) ?? '',
            position: data.position,
            turn: data.turn,
            step: data.step,
            new_turn: data.newTurn,
            tools: data.tools,
            instructions: changes.instructions,
            model: changes.model,
            model_options: changes.modelOptions ?? null,
            changes: {
              message: changes.message,
              removed: changes.removed.length,
              removedBlocks: changes.removedBlocks.map(({ label }) => label),
              toolResults: changes.toolResults,
            },
          }),
          ...changes.removed.flatMap((item) => ended(fork, item)),
          ...changes.removedBlocks.flatMap(({ scope, label }) => ended(fork, blockItem(scope, label))),
        ];
      }
      case 'FactSuperseded':
      case 'FactRetracted':
        return ended(data.fork, data.fact);
      case 'ProcedureLearned':
      case 'ProcedureRolledBack':
        return ended(data.scope.fork, data.procedure);
      case 'EntitiesSplit':
        return ended(data.scope.fork, data.merge);
      case 'BlockEdited':
        return ended(data.scope.fork, blockItem(data.scope, data.label));
      default:
        return [];
    }
  },
};

function ended(fork: string | undefined, item: string): Operation[] {
  return fork === undefined ? [] : ensure(forkEndView, { item, fork });
}
