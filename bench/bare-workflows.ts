import { allHandlersFinished, condition, proxyActivities, setHandler } from '@temporalio/workflow';
import { replyUpdate } from '../workflows/messages.ts';
import type { TurnOutcome } from '../workflows/messages.ts';

/** The floor of a turn: so many empty activities one after the other, and a reply by update. */
export async function bareTurn(activities: number): Promise<void> {
  const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1 minute' });
  let settled: TurnOutcome | undefined = undefined;
  setHandler(replyUpdate, async (): Promise<TurnOutcome> => {
    await condition(() => settled !== undefined);
    return settled ?? { status: 'completed', position: 0, approvals: [], code: null };
  });
  for (let n = 0; n < activities; n++) await nothing();
  settled = { status: 'completed', position: 0, approvals: [], code: null };
  await condition(allHandlersFinished);
}
