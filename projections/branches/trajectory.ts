import type { RecordedToolCall } from '../../memory/events.ts';
import type { ViewReader } from '../read-views.ts';
import { listSteps } from '../threads/queries.ts';
import type { Lineage } from './lineage.ts';
import { takenOver } from './queries.ts';

/** A call of a tool and what it came to. */
export interface TracedCall {
  readonly tool: string;
  /** As they were used; the model's own text where nothing was. */
  readonly arguments: unknown;
  /** Null while there is none. */
  readonly outcome: string | null;
  readonly result: string | null;
}

/** One model call of a turn and what followed from it. */
export interface TracedStep {
  readonly step: number;
  readonly position: number;
  /** The turn that made it: another one where a fork took it over. */
  readonly turn: string;
  readonly model: string;
  readonly promptHash: string;
  readonly text: string | null;
  readonly calls: readonly TracedCall[];
}

/** Everything a turn did, with the steps that it took over. */
export async function readTrajectory(
  reader: ViewReader,
  lineage: Lineage | undefined,
  turn: string,
): Promise<TracedStep[]> {
  const steps = new Map<number, TracedStep & { readonly toolCalls: readonly RecordedToolCall[] }>();
  const outcomes = new Map<string, Omit<TracedCall, 'tool'>>();
  const sources = [{ turn, steps: Infinity, position: reader.position }, ...takenOver(lineage, turn)];
  for (const from of sources) {
    const then = { ...reader, position: Math.min(from.position, reader.position) };
    for (const row of await listSteps(then, { turn: from.turn })) {
      if (row.step > from.steps || steps.has(row.step)) continue;
      steps.set(row.step, {
        step: row.step,
        position: row.from_pos,
        turn: row.turn,
        model: row.model,
        promptHash: row.prompt_hash,
        text: row.content,
        calls: [],
        toolCalls: row.tool_calls as readonly RecordedToolCall[],
      });
    }
    const rows = await then.db
      .selectFrom('tool_outcome')
      .select(['step', 'ordinal', 'arguments', 'outcome', 'result'])
      .where('tenant', '=', then.tenant)
      .where('turn', '=', from.turn)
      .where('from_pos', '<=', then.position)
      .execute();
    for (const { step, ordinal, ...row } of rows) {
      const key = `${step}/${ordinal}`;
      if (step <= from.steps && !outcomes.has(key)) outcomes.set(key, row);
    }
  }
  return [...steps.values()]
    .sort((a, b) => a.step - b.step)
    .map(({ toolCalls, ...step }) => ({
      ...step,
      calls: toolCalls.map((call, ordinal) => ({
        tool: call.name,
        ...(outcomes.get(`${step.step}/${ordinal}`) ?? { arguments: call.arguments, outcome: null, result: null }),
      })),
    }));
}
