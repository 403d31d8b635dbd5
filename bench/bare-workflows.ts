import { allHandlersFinished, condition, proxyActivities, setHandler } from '@temporalio/workflow';
import { replyUpdate } from '../workflows/messages.ts';
import type { TurnOutcome } from '../workflows/messages.ts';

export { agentTurn } from '../workflows/agent-turn.ts';

/** The floor of a turn: the same hops (an activity, a reply by update, an activity behind it), and nothing in them. */
export async function bareTurn(): Promise<void> {
  const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1 minute' });
  let settled: TurnOutcome | undefined = undefined;
  setHandler(replyUpdate, async (): Promise<TurnOutcome> => {
    await condition(() => settled !== undefined);
    return settled ?? { status: 'completed', position: 0, approvals: [], code: null };
  });
  await nothing();
  settled = { status: 'completed', position: 0, approvals: [], code: null };
  await nothing();
  await condition(allHandlersFinished);
}
