import { StreamSealedError } from '../eventstore/index.ts';
import { turnEndCommand } from '../memory/turn-end.ts';
import { readViews } from '../projections/read-views.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { findTurn, listTurns } from '../projections/threads/queries.ts';
import { InvalidTurnError, ThreadBusyError } from './client-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** What happens to a message for a thread that has a turn which has not ended. */
export type WhenBusy = 'queue' | 'reject' | 'steer';

/** Throws InvalidTurnError for a policy that does not exist. */
export function assertWhenBusy(policy: string): void {
  if (policy !== 'queue' && policy !== 'reject' && policy !== 'steer')
    throw new InvalidTurnError(`whenBusy is ${JSON.stringify(policy)}.`, 'Give "queue", "reject" or "steer".');
}

type Place = { readonly thread: string; readonly branch: string; readonly turn: string | undefined };

/** Throws ThreadBusyError when another turn of the branch has not ended, unless this one was sent before. Nothing was appended. */
export async function assertIdle(context: ClientContext, { thread, branch, turn }: Place): Promise<void> {
  await readViews(context.pool, await context.store.tenantNumber(context.tenant), async (reader) => {
    // A repeat of what was taken is no new message.
    if (turn !== undefined && (await findTurn(reader, turn))) return;
    const [busy] = await listTurns(reader, { thread, branch, open: true });
    if (busy) throw new ThreadBusyError(thread, busy.turn);
  });
}

/**
 * Two messages may find a thread idle at the same time. Whoever was appended second takes it back before it is started: its turn ends
 * as aborted. Throws ThreadBusyError then.
 */
export async function withdrawIfSecond(context: ClientContext, { thread, branch, turn }: Place): Promise<void> {
  const first = await readViews(context.pool, await context.store.tenantNumber(context.tenant), async (reader) => {
    const own: TurnRow | undefined = turn === undefined ? undefined : await findTurn(reader, turn);
    if (!own) return undefined;
    return (await listTurns(reader, { thread, branch, open: true, before: own.position }))[0];
  });
  if (!first || turn === undefined) return;
  try {
    await context.store.append(context.tenant, {
      ...turnEndCommand(
        { thread, branch, turn },
        { status: 'aborted', actor: 'holdfast:busy', reason: `Turn "${first.turn}" had not ended.` },
      ),
      meta: { actor: 'holdfast:busy' },
    });
  } catch (error) {
    // Somebody ended it first.
    if (!(error instanceof StreamSealedError)) throw error;
  }
  throw new ThreadBusyError(thread, first.turn);
}
