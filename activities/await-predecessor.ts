import { HoldfastError } from '../errors/holdfast-error.ts';
import { findTurn } from '../projections/threads/queries.ts';
import { readViews } from '../projections/read-views.ts';
import type { ActivityDeps } from './deps.ts';
import type { TurnRef } from './types.ts';

/**
 * Fails with a retryable error until the earlier turn has ended. A turn whose start was lost is started, and one whose workflow
 * is gone (terminated, timed out, server wiped) is closed: a thread never hangs on a turn that nobody works on.
 */
export async function awaitPredecessor(
  deps: ActivityDeps,
  input: TurnRef & { readonly predecessor: string },
): Promise<void> {
  const tenant = await deps.store.tenantNumber(input.tenant);
  const earlier = await readViews(deps.pool, tenant, (reader) => findTurn(reader, input.predecessor));
  if (!earlier || (earlier.status !== 'running' && earlier.status !== 'waiting')) return;
  const ref = {
    tenant: input.tenant,
    thread: earlier.thread,
    branch: earlier.branch,
    turn: earlier.turn,
    agent: earlier.agent,
  };
  if ((await deps.closeGoneTurn(ref)) === 'closed') return;
  throw new HoldfastError('THREAD_BUSY', `Turn "${earlier.turn}" of this thread has not ended.`, { retryable: true });
}
