import type { NewEvent } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import type { SortedCalls } from './sort-calls.ts';

/** The events of a step's calls that are settled with the step: what is answered at once, then what waits for a person. */
export function callEvents(
  turn: TurnRow,
  step: number,
  { inline, approvals }: Pick<SortedCalls, 'inline' | 'approvals'>,
): NewEvent<MemoryEvent>[] {
  const ref = { thread: turn.thread, branch: turn.branch, turn: turn.turn };
  const subjects = subjectsOf(turnScope(turn));
  return [
    ...inline.map(({ ordinal, call, ...completed }): NewEvent<MemoryEvent> => ({
      type: 'ToolCompleted',
      stream: streams.turn(turn.turn),
      subjects,
      data: {
        ...ref,
        step,
        ordinal,
        call: call.id,
        tool: call.name,
        ...completed,
        effectKey: commands.tool(turn.turn, step, ordinal),
        durationMs: 0,
      },
    })),
    ...approvals.map((approval): NewEvent<MemoryEvent> => ({
      type: 'ApprovalRequested',
      stream: streams.approval(approval.approval),
      subjects,
      data: { ...ref, step, ...approval },
    })),
  ];
}
