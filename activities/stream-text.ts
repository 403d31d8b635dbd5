import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { openTextStream, trimText } from '../projections/streaming/write-text.ts';
import type { TextStream } from '../projections/streaming/write-text.ts';
import type { StreamHub } from '../projections/streaming/hub.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import type { ActivityDeps } from './deps.ts';
import type { StepInput, StepOutcome } from './types.ts';

type WordsDeps = ActivityDeps & { readonly hub: StreamHub };

/** Opens the stream of a step's words for the turn they answer; called once, before the model is. */
export type OpenWords = (turn: Pick<TurnRow, 'user' | 'thread' | 'position'>) => Promise<(piece: string) => void>;

/**
 * Runs a step whose words are shown while the model writes them. They are kept until the step has ended, so that a reader goes over from
 * them to the log without a gap; when the turn has ended, its rows go. Nothing here can fail the step.
 */
export async function withWords(
  deps: WordsDeps,
  input: StepInput,
  run: (open: OpenWords) => Promise<StepOutcome>,
): Promise<StepOutcome> {
  let words: TextStream | undefined;
  let tenantNumber = 0;
  const open: OpenWords = async (turn) => {
    tenantNumber = await deps.store.tenantNumber(input.tenant);
    words = openTextStream({
      pool: deps.pool,
      hub: deps.hub,
      place: { tenant: input.tenant, turn: input.turn },
      tenantNumber,
      step: input.step,
      subjects: subjectsOf(turnScope(turn)),
      readAt: turn.position,
      onFailure: (error) =>
        deps.log('warn', 'words of a reply are not streamed any further', { turn: input.turn, error: String(error) }),
    });
    const { push } = words;
    return push;
  };
  let ended = false;
  try {
    const outcome = await run(open);
    ended = outcome.done;
    return outcome;
  } finally {
    const isOver = ended;
    // Beside the answer, which need not wait for a row that nobody will read.
    void words?.end().then((rows) => {
      if (rows > 0 && isOver) forgetWords(deps, tenantNumber, input.turn);
      if (rows > 0) sweepNowAndThen(deps, tenantNumber);
    });
  }
}

/** Deletes the streamed words of an ended turn, beside what the caller does. */
export function forgetWords(deps: Pick<ActivityDeps, 'pool' | 'log'>, tenantNumber: number, turn: string | null): void {
  trimText(deps.pool, tenantNumber, turn).catch((error: unknown) =>
    deps.log('warn', 'streamed words were not deleted; a later sweep will', { error: String(error) }),
  );
}

const sweepEveryMs = 600_000;
const swept = new WeakMap<object, Map<number, number>>();

/** What a killed worker left: once per tenant when this worker first writes, then every ten minutes of writing. */
function sweepNowAndThen(deps: WordsDeps, tenantNumber: number): void {
  const times = swept.get(deps.hub) ?? new Map<number, number>();
  swept.set(deps.hub, times);
  if (Date.now() - (times.get(tenantNumber) ?? -Infinity) < sweepEveryMs) return;
  times.set(tenantNumber, Date.now());
  forgetWords(deps, tenantNumber, null);
}
